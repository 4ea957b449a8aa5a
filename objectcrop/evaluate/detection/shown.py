"""What a detector says of some test images, to be drawn: plain values, as a result holds them while it is made."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.structures import BoxMode

NUM_IMAGES = 12
MAX_BOXES = 8
"""Boxes of an image, the best ones."""
MIN_SCORE = 0.1


def shown_image(record: Mapping[str, Any], found: Any, classes: list[str], data_root: Path) -> dict[str, Any]:
    """Return path, annotated boxes, and the best boxes that were found with words on each; corners in pixels.

    Args:
        record: of the image, as the catalog returns it.
        found: instances that the detector returned, in the pixels of the image.
        classes: names in the order of their ids.
        data_root: that paths start from.
    """
    objects = [
        np.asarray(BoxMode.convert(thing["bbox"], thing["bbox_mode"], BoxMode.XYXY_ABS), dtype=float).tolist()
        for thing in record["annotations"]
    ]
    scores, boxes = found.scores.float().cpu().numpy(), found.pred_boxes.tensor.float().cpu()
    best = np.argsort(-scores, kind="stable")[:MAX_BOXES]
    kept = [number for number in best.tolist() if scores[number] >= MIN_SCORE]
    return {
        "path": Path(os.path.relpath(record["file_name"], data_root)).as_posix(),
        "objects": objects,
        "boxes": [boxes[number].tolist() for number in kept],
        "words": [f"{classes[int(found.pred_classes[number])]} {scores[number]:.2f}" for number in kept],
    }
