"""What every file was made from: records beside the files, the lineage that a study plans, and where both differ."""
