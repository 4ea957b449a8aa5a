"""What a training step is fed: which images in which order, their views, their pixels."""
