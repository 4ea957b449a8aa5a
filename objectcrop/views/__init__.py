"""Regions and crops (decide), rendering and augmentation (act), batches of views."""
