"""Linear probe, average precision, detection; the only door to detectron2."""
