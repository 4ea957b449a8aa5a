"""The settings of a study, one file a section."""
