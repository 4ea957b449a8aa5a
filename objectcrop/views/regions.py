"""Where crops are drawn from: the scene, a proposal, a dilated proposal. Regions are whole pixels, inside the image."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from objectcrop.boxes import Boxes, Size, area, as_boxes, clip

Dilation = Literal["image_total", "image_per_side", "box_fraction", "coordinate_released"]
Box = tuple[float, float, float, float]

MIN_SIDE_PX = 2.0
MIN_AREA_SHARE = 0.001


def dilate(boxes: ArrayLike, size: Size, fraction: float, dilation: Dilation) -> Boxes:
    """Widen boxes on every side, cut at the image's border; each result contains its box.

    Args:
        boxes: boxes inside the image, pixels, shape (n, 4).
        size: size of the image.
        fraction: the paper's delta.
        dilation: what it is a share of. `image_total`: width and height grow by that share of the image's, in total (half
            on each side); `image_per_side`: on each side; `box_fraction`: by that share of the box's own, in total;
            `coordinate_released`: each corner moves away from the image's top left corner or towards it by that share of
            its own coordinate, whole pixels, as the authors' release does (which neither clips nor keeps the object inside).

    Returns:
        Dilated boxes, pixels, shape (n, 4), not rounded.
    """
    inner = as_boxes(boxes)
    if dilation == "coordinate_released":
        grown = np.trunc(inner)
        low, high = grown[:, :2] - np.trunc(grown[:, :2] * fraction), grown[:, 2:] + np.trunc(grown[:, 2:] * fraction)
        # truncation may cut up to a pixel off; the premise of the method is that the object stays inside
        low, high = np.minimum(low, inner[:, :2]), np.maximum(high, inner[:, 2:])
        return clip(np.concatenate([low, high], axis=1), size)
    if dilation == "box_fraction":
        margin = fraction / 2 * (inner[:, 2:] - inner[:, :2])
    else:
        share = fraction / 2 if dilation == "image_total" else fraction
        margin = np.broadcast_to(share * np.array([size.width, size.height]), (len(inner), 2))
    return clip(np.concatenate([inner[:, :2] - margin, inner[:, 2:] + margin], axis=1), size)


def to_whole_pixels(boxes: ArrayLike, size: Size) -> Boxes:
    """The smallest boxes of whole pixels that contain these, inside the image, at least one pixel wide and high."""
    inner = clip(as_boxes(boxes), size)
    # float32 tables hold 36.000001 for 36
    low, high = np.floor(inner[:, :2] + 1e-3), np.ceil(inner[:, 2:] - 1e-3)
    low = np.minimum(low, np.array([size.width - 1, size.height - 1]))
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def usable_ranks(boxes: Boxes, size: Size, max_proposals: int) -> list[int]:
    """Rows among the first `max_proposals` that are large enough to crop from: 2 px a side, 0.1% of the image."""
    first = clip(boxes[:max_proposals], size)
    sides = (first[:, 2:] - first[:, :2]).min(axis=1, initial=np.inf) if len(first) else np.zeros(0)
    is_usable = (sides >= MIN_SIDE_PX) & (area(first) >= MIN_AREA_SHARE * size.width * size.height)
    return [int(rank) for rank in np.flatnonzero(is_usable)]


def draw_rank(boxes: ArrayLike, size: Size, max_proposals: int, rng: np.random.Generator) -> int:
    """Rank of a proposal, drawn uniformly among the usable ones; -1 if there is none, which means the whole image."""
    ranks = usable_ranks(as_boxes(boxes), size, max_proposals)
    return ranks[int(rng.integers(len(ranks)))] if ranks else -1


def as_box(boxes: Boxes) -> Box:
    """The only row as four numbers."""
    x1, y1, x2, y2 = boxes.reshape(4).tolist()
    return x1, y1, x2, y2
