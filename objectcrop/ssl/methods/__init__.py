"""The methods of pretraining, one file each: `method` is what all share, `registry` names them."""
