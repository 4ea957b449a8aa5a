"""The authors' released subset lists, read without running anything that they ask for."""
