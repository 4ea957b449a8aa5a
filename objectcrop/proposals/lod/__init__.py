"""LOD (Vo et al. 2021, arXiv:2106.06650): regions of each image, and their ranking over a collection."""
