"""What the two crops of a pair have in common: the same object, or only background."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from objectcrop.boxes import Size, as_boxes
from objectcrop.views.regions import Box

LEAST_SHARE = 0.5
"""A crop shows an object if at least this share of the object's box is inside it, or this share of the crop is the object's."""


class PairContent(NamedTuple):
    """Means over pairs; shares of 0 to 1.

    Attributes:
        crops_with_object: share of crops that show an object.
        pairs_with_same_object: share of pairs whose crops show an object in common.
        background_share: share of a crop's area that is outside all objects' boxes.
        common_background_share: of the smaller crop's area, the share that is in both crops and outside all boxes.
        area_share: area of a crop over that of the image.
    """

    crops_with_object: float
    pairs_with_same_object: float
    background_share: float
    common_background_share: float
    area_share: float


def measure_pairs(pairs: Iterable[tuple[Box, Box, ArrayLike, Size]]) -> PairContent:
    """Measure the pairs of a run, as the paper argues about them (Mishra et al. 2022, figure 1 and section 3).

    Args:
        pairs: for each the crops of query and key, the objects of the image, shape (n, 4), and its size; all in pixels. Crops
            count by the whole pixels that they cover, the part outside the image not.

    Raises:
        ValueError: if there is no pair.
    """
    rows = [_measure(query, key, objects, size) for query, key, objects, size in pairs]
    if not rows:
        raise ValueError("there is no pair to measure")
    return PairContent(*np.mean(rows, axis=0).tolist())


def _measure(query: Box, key: Box, objects: ArrayLike, size: Size) -> tuple[float, ...]:
    boxes = as_boxes(objects)
    shown = np.stack([_shown(crop, boxes) for crop in (query, key)])
    first, second = _pixels(query, size), _pixels(key, size)
    ground = ~np.any([_pixels(box, size) for box in boxes.tolist()], axis=0) if len(boxes) else np.ones_like(first)
    areas = np.array([first.sum(), second.sum()])
    outside = np.array([(first & ground).sum(), (second & ground).sum()])
    return (
        float(shown.any(axis=1).mean()),
        float(shown.all(axis=0).any()),
        float((outside / areas).mean()),
        float((first & second & ground).sum() / areas.min()),
        float(areas.mean() / first.size),
    )


def _shown(crop: Box, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = np.maximum(boxes[:, :2], crop[:2]), np.minimum(boxes[:, 2:], crop[2:])
    inside = np.prod(np.maximum(high - low, 0), axis=1)
    crop_area = (crop[2] - crop[0]) * (crop[3] - crop[1])
    return np.asarray(inside >= LEAST_SHARE * np.minimum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), crop_area))


def _pixels(box: Box, size: Size) -> NDArray[np.bool_]:
    covered = np.zeros((size.height, size.width), dtype=bool)
    x1, y1, x2, y2 = (round(max(value, 0)) for value in box)
    covered[y1:y2, x1:x2] = True
    return covered
