"""Backbones, heads, losses, methods, the training loop and its checkpoints."""
