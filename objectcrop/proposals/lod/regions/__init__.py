"""From one image to its regions: saliency, peaks, boxes, features."""
