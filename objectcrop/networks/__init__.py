"""Trunks, heads, batch norm, weight files."""
