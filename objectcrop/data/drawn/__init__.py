"""The embedded data set: multi-object scenes that the project draws itself."""
