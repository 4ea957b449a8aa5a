"""Proposals and crops in FiftyOne; the only door to fiftyone."""
