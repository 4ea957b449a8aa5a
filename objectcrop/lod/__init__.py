"""Label-free object proposals after LOD (Vo et al. 2021, arXiv:2106.06650)."""
