"""Semantic segmentation: DeepLabv3 on a run's trunk, judged by mIoU."""
