"""Where crops are drawn from: the scene, a proposal, a dilated or shifted one. Regions are whole pixels, inside the image."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from objectcrop.boxes import Boxes, Size, are_usable, as_boxes, clip

Dilation = Literal["image_total", "image_per_side", "box_fraction", "coordinate_released"]
Box = tuple[float, float, float, float]

ANGLE_TRIES = 100
EDGE_PX = 1e-3
"""An edge this near to a whole pixel is on it: float32 tables hold 36.000001 for 36."""


def dilate(box: Box, size: Size, fraction: float, dilation: Dilation) -> Box:
    """Widen a box on every side, cut at the image's border; the result contains the box.

    Numbers, not arrays: arrays of four numbers cost ten times as much, twice for each pair of views.

    Args:
        box: inside the image, pixels.
        size: size of the image.
        fraction: the paper's delta.
        dilation: what it is a share of. `image_total`: width and height grow by that share of the image's, in total (half
            on each side); `image_per_side`: on each side; `box_fraction`: by that share of the box's own, in total;
            `coordinate_released`: each corner moves away from the image's top left corner or towards it by that share of
            its own coordinate, whole pixels, as the authors' release does (which neither clips nor keeps the object inside).

    Returns:
        The dilated box, pixels, not rounded.
    """
    x1, y1, x2, y2 = box
    if dilation == "coordinate_released":
        released = released_box(box, fraction)
        # truncation may cut up to a pixel off; the premise of the method is that the object stays inside
        outer = min(released[0], x1), min(released[1], y1), max(released[2], x2), max(released[3], y2)
        return clip_box(outer, size)
    if dilation == "box_fraction":
        width, height = fraction / 2 * (x2 - x1), fraction / 2 * (y2 - y1)
    else:
        share = fraction / 2 if dilation == "image_total" else fraction
        width, height = share * size.width, share * size.height
    return clip_box((x1 - width, y1 - height, x2 + width, y2 + height), size)


def whole_image(size: Size) -> Box:
    """Return the box of the whole image."""
    return 0.0, 0.0, float(size.width), float(size.height)


def clip_box(box: Box, size: Size) -> Box:
    """Return a box, cut at the image's border."""
    x1, y1, x2, y2 = box
    width, height = float(size.width), float(size.height)
    return _limit(x1, width), _limit(y1, height), _limit(x2, width), _limit(y2, height)


def _limit(value: float, greatest: float) -> float:
    return min(max(value, 0.0), greatest)


def whole_box(box: Box, size: Size) -> Box:
    """Return what `to_whole_pixels` gives for one box."""
    x1, y1, x2, y2 = clip_box(box, size)
    left, top = min(math.floor(x1 + EDGE_PX), size.width - 1), min(math.floor(y1 + EDGE_PX), size.height - 1)
    right, bottom = max(math.ceil(x2 - EDGE_PX), left + 1), max(math.ceil(y2 - EDGE_PX), top + 1)
    return float(left), float(top), float(right), float(bottom)


def to_whole_pixels(boxes: ArrayLike, size: Size) -> Boxes:
    """Return the smallest boxes of whole pixels that contain these, inside the image, at least one pixel wide and high."""
    inner = clip(as_boxes(boxes), size)
    low, high = np.floor(inner[:, :2] + EDGE_PX), np.ceil(inner[:, 2:] - EDGE_PX)
    low = np.minimum(low, np.array([size.width - 1, size.height - 1]))
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def usable_ranks(boxes: Boxes, size: Size, max_proposals: int) -> list[int]:
    """Return rows among the first `max_proposals` that are large enough to crop from: 2 px a side, 0.1% of the image."""
    return [int(rank) for rank in np.flatnonzero(are_usable(clip(boxes[:max_proposals], size), size))]


def draw_rank(ranks: Sequence[int], rng: np.random.Generator) -> int:
    """Rank of a proposal, drawn uniformly among the usable ones; -1 if there is none, which means the whole image."""
    return ranks[int(rng.integers(len(ranks)))] if ranks else -1


def as_box(boxes: Boxes) -> Box:
    """Return the only row as four numbers."""
    x1, y1, x2, y2 = boxes.reshape(4).tolist()
    return x1, y1, x2, y2


def shift(box: Box, size: Size, radius: tuple[float, float], rng: np.random.Generator) -> Box:
    """Return a box of the same size beside another, inside the image: its centre on a circle around the other's.

    The radius is uniform, the angle too; angles are drawn again, up to a hundred times, until the box is inside the image. If
    none does (the object fills it), the last one is pushed back in. After the release's crops that are displaced around a box
    corner, which keep 224 px whatever the object's size and draw an angle for each axis.

    Args:
        box: whole pixels, inside the image.
        size: size of the image.
        radius: least and greatest way of the centre, as a share of the image's shorter side.
        rng: random generator.
    """
    reach = rng.uniform(*radius) * min(size)
    free_x, free_y = size.width - (box[2] - box[0]), size.height - (box[3] - box[1])
    for _ in range(ANGLE_TRIES):
        angle = rng.uniform(0, 2 * math.pi)
        x, y = round(box[0] + reach * math.cos(angle)), round(box[1] + reach * math.sin(angle))
        if 0 <= x <= free_x and 0 <= y <= free_y:
            break
    x, y = min(max(x, 0), round(free_x)), min(max(y, 0), round(free_y))
    return float(x), float(y), x + box[2] - box[0], y + box[3] - box[1]


def grow_released(box: Box, size: Size, min_side_px: int) -> Box:
    """Grow axes shorter than `min_side_px` by half of it at either end, exactly as the authors' release does (its 224).

    An end that would pass the border is set to where the side has that length, counted from the other end: so the result need
    neither contain the box nor is inside the image. A measured quirk, not a method (decision 0002).
    """
    x1, x2 = _grow_axis(box[0], box[2], size.width, min_side_px)
    y1, y2 = _grow_axis(box[1], box[3], size.height, min_side_px)
    return x1, y1, x2, y2


def _grow_axis(low: float, high: float, length: int, min_side: int) -> tuple[float, float]:
    if high - low >= min_side:
        return low, high
    half = min_side // 2
    low, high = (low - half, high) if low - half > 0 else (0.0, float(min_side))
    return (low, high + half) if high + half < length else (high - min_side, high)


def released_box(box: Box, fraction: float) -> Box:
    """Corners cut to whole pixels, each moved away from the origin by a share of its own coordinate; not cut at the border."""
    x1, y1, x2, y2 = (float(math.trunc(value)) for value in box)
    return (
        x1 - math.trunc(x1 * fraction),
        y1 - math.trunc(y1 * fraction),
        x2 + math.trunc(x2 * fraction),
        y2 + math.trunc(y2 * fraction),
    )
