"""The methods of pretraining, one file each."""
