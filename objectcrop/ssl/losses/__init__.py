"""Losses, from the formulas of their papers."""
