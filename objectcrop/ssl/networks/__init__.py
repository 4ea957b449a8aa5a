"""Trunks, heads, batch norm, the momentum encoder, weight files."""
