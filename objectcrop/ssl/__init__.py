"""Samples, losses, methods, the training loop and its checkpoints."""
