"""Box geometry. A box is (x1, y1, x2, y2): pixels, x to the right, y down, half-open, so width is x2 - x1.

Boxes come as float arrays of shape (n, 4). Relative boxes are the same divided by the image's width and height. Files of
other conventions (VOC: 1-based inclusive; COCO: x, y, width, height; Open Images: relative) are converted where they are
read, never later.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]
CORNERS = ["x1", "y1", "x2", "y2"]
"""The columns of boxes in tables."""

PixelBox = tuple[int, int, int, int]
"""One box of whole pixels: left, top, right, bottom."""

MIN_SIDE_PX = 2.0
MIN_AREA_SHARE = 0.001
"""Smaller boxes, of the image's area, are not usable."""


class Size(NamedTuple):
    """Width and height of an image, pixels."""

    width: int
    height: int


def as_boxes(boxes: ArrayLike) -> Boxes:
    """Return a float64 array of shape (n, 4) from anything like it; one box becomes one row, nothing becomes (0, 4).

    Raises:
        ValueError: if the last axis does not have length 4.
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return np.zeros((0, 4))
    if array.shape[-1] != 4:
        raise ValueError(f"boxes need 4 numbers (x1, y1, x2, y2) each, got shape {array.shape}")
    return array.reshape(-1, 4)


def whole(size: Size) -> Boxes:
    """Return the box of the whole image, shape (1, 4)."""
    return np.array([[0.0, 0.0, size.width, size.height]])


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Return the areas, square pixels, shape (n,); an inverted box has area 0."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def clip(boxes: Boxes, size: Size) -> Boxes:
    """Return the boxes, cut at the image's border."""
    limit = np.array([size.width, size.height, size.width, size.height], dtype=np.float64)
    return np.clip(boxes, 0, limit)


def intersection(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Return the intersection areas of every box of `first` with every box of `second`, shape (len(first), len(second))."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1])


def iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of every pair, shape (len(first), len(second)), 0..1; two empty boxes give 0."""
    inter = intersection(first, second)
    union = area(first)[:, None] + area(second)[None, :] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def contains(outer: Boxes, inner: Boxes, tolerance_px: float = 1e-6) -> NDArray[np.bool_]:
    """Return whether each box of `outer` contains the box of `inner` in the same row."""
    low = (outer[:, :2] <= inner[:, :2] + tolerance_px).all(axis=1)
    high = (outer[:, 2:] >= inner[:, 2:] - tolerance_px).all(axis=1)
    return np.asarray(low & high)


def to_relative(boxes: Boxes, size: Size) -> Boxes:
    """Convert pixels to shares of the image's width and height."""
    return boxes / np.array([size.width, size.height, size.width, size.height], dtype=np.float64)


def to_pixels(boxes: Boxes, size: Size) -> Boxes:
    """Convert shares of the image's width and height to pixels."""
    return boxes * np.array([size.width, size.height, size.width, size.height], dtype=np.float64)


def are_usable(boxes: Boxes, size: Size) -> NDArray[np.bool_]:
    """Return whether a box can be cropped from: sides of at least 2 px and at least a thousandth of the image."""
    return are_usable_in(boxes, np.array([size]))


def are_usable_in(boxes: Boxes, sizes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return what `are_usable` does for boxes of many images; `sizes` are width and height of the image of each, shape (n, 2)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    least = MIN_AREA_SHARE * sizes[:, 0] * sizes[:, 1]
    return np.asarray((sides >= MIN_SIDE_PX).all(axis=1) & (area(boxes) >= least))
