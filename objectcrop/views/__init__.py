"""Regions and crops (decide), rendering and augmentation (act)."""
