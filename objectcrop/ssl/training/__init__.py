"""The training loop: steps, optimizers, checkpoints, metrics, monitors."""
