"""Fine-tuning of detectors; the only door to Detectron2."""
