"""Where object boxes come from: LOD (Vo et al. 2021, arXiv:2106.06650) and other sources, in one table."""
