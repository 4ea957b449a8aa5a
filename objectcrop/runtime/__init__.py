"""Atomic files, run lock, signals, GPU lease, progress, provenance, random generators."""
