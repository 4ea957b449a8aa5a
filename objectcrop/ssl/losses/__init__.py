"""Losses that several methods share, from the formulas of their papers; what one method alone uses is in its file."""
