"""Sources of proposals that are not LOD, one file each."""
