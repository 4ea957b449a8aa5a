"""Test images with what a fine-tuned detector found in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from objectcrop.boxes import Size, as_boxes
from objectcrop.data.images import decode_image
from objectcrop.report.samples import write_png
from objectcrop.report.sheets import TOP_PROPOSAL, ImageArray, SheetImage, boxes_of_cell, centred, grid

COLUMNS, CELL = 4, Size(300, 225)
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4


def write_predictions(path: Path, shown: Sequence[Mapping[str, Any]], data_root: Path) -> None:
    """Write `draw_predictions` as a PNG."""
    write_png(draw_predictions(shown, data_root), path)


def draw_predictions(shown: Sequence[Mapping[str, Any]], data_root: Path) -> ImageArray:
    """Draw images in a grid: annotated objects green, what was found orange, with class and score.

    Args:
        shown: path, `objects`, `boxes` and their `words`, corners in pixels, of at least one image.
        data_root: folder that paths start from.
    """
    return grid([_cell(image, data_root) for image in shown], COLUMNS)


def _cell(shown: Mapping[str, Any], data_root: Path) -> ImageArray:
    image = SheetImage(decode_image(data_root / shown["path"]), as_boxes([]), as_boxes(shown["objects"]))
    drawn, scale = boxes_of_cell(image, CELL)
    for corners, words in zip(shown["boxes"], shown["words"], strict=True):
        x1, y1, x2, y2 = (round(scale * corner) for corner in corners)
        cv2.rectangle(drawn, (x1, y1), (max(x2 - 1, x1), max(y2 - 1, y1)), TOP_PROPOSAL, 1)
        (width, height), _ = cv2.getTextSize(words, FONT, FONT_SCALE, 1)
        top = max(y1, height + 4)
        cv2.rectangle(drawn, (x1, top - height - 4), (x1 + width + 2, top), TOP_PROPOSAL, cv2.FILLED)
        cv2.putText(drawn, words, (x1 + 1, top - 3), FONT, FONT_SCALE, (255, 255, 255), 1, cv2.LINE_AA)
    return centred(drawn, CELL)
