"""How well a source's proposals find the annotated objects of the training images, as a record for people."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pandas as pd

from objectcrop.boxes import Size, area, as_boxes
from objectcrop.proposals.quality.intervals import CONFIDENCE, Shares, intervals
from objectcrop.proposals.quality.metrics import (
    Image,
    best_overlaps,
    corloc,
    detection_rate,
    mean_best_overlap,
    mean_object_discovery_ap,
    object_discovery_ap,
)
from objectcrop.proposals.table import BoxTable, boxes_by_image

MET = 0.5
"""IoU from which a box meets an object."""
SIZE_LIMITS = {"small": (0.0, 0.01), "medium": (0.01, 0.1), "large": (0.1, np.inf)}
"""Object sizes by share of the image's area, lower limit included: images of all sizes compare."""


class _Images(Sequence[Image]):
    """Put together when they are asked for, so that no object for each image is kept."""

    def __init__(self, table: pd.DataFrame, annotations: pd.DataFrame, sizes: dict[str, Size]) -> None:
        self._found, self._sizes = boxes_by_image(table), sizes
        objects = annotations[~annotations["is_crowd"]]
        self._objects = BoxTable(objects["image_id"], objects)
        self._names = [name for name in self._objects if name in sizes]

    def __len__(self) -> int:
        """Images with objects."""
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...

    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        """One of them, or several."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        name = self._names[index]
        scale = np.array([*self._sizes[name], *self._sizes[name]], dtype=np.float64)
        return Image(self._found.get(name, as_boxes([])) / scale, self._objects[name])


def images_to_measure(table: pd.DataFrame, annotations: pd.DataFrame, sizes: dict[str, Size]) -> Sequence[Image]:
    """Proposals and objects of every image that has annotated boxes other than crowd ones; relative boxes, 0 to 1.

    IoU does not change when boxes are divided by the image's sides, so images of all sizes may be pooled.
    """
    return _Images(table, annotations, sizes)


def measure(table: pd.DataFrame, annotations: pd.DataFrame, sizes: dict[str, Size]) -> dict[str, Any]:
    """Compute discovery metrics, shares 0 to 1; images with objects but without proposals count as misses.

    `intervals` holds the ends of bootstrap intervals over images, at `interval_confidence`.

    Args:
        table: PROPOSALS.
        annotations: ANNOTATIONS of the same data set.
        sizes: of the images that were to get proposals.

    Raises:
        ValueError: if none of these images has an annotated box.
    """
    images = images_to_measure(table, annotations, sizes)
    if not len(images):
        raise ValueError(
            f"none of the {len(sizes)} training images has an annotated box that is not a crowd ({len(annotations)} annotations "
            "of the data set), so proposals cannot be measured; measure them on a labelled data set, or remove this one from "
            "measured_proposals"
        )
    shares = np.concatenate([np.zeros(0), *(area(image.proposals) for image in images)])
    ends = intervals(_shares(images))
    return {
        "num_images_measured": len(images),
        "num_images_without_proposals": sum(len(image.proposals) == 0 for image in images),
        "num_objects": sum(len(image.objects) for image in images),
        "corloc": corloc(images),
        "corloc_any": corloc(images, max_boxes=None),
        "det_rate": detection_rate(images),
        "mabo": mean_best_overlap(images),
        "ap50": object_discovery_ap(images),
        "ap5095": mean_object_discovery_ap(images),
        "mean_area_share": float(shares.mean()) if len(shares) else None,
        "mean_boxes": len(shares) / max(len(images), 1),
        "by_object_size": {name: _of_size(images, *limits) for name, limits in SIZE_LIMITS.items()},
        "intervals": ends,
        "interval_confidence": CONFIDENCE,
    }


def _shares(images: Sequence[Image]) -> dict[str, Shares]:
    """Compute CorLoc, DetRate (all, and by object size) and mABO as sums over images."""
    overlaps = [best_overlaps(image) for image in images]
    areas = [area(image.objects) for image in images]
    once = np.ones(len(images))
    first = np.array([best_overlaps(image, 1).max() >= MET for image in images], dtype=np.float64)
    shares = {"corloc": Shares(first, once)}
    for name, (low, high) in {"det_rate": (0.0, np.inf), **SIZE_LIMITS}.items():
        counted = [(share >= low) & (share < high) for share in areas]
        met = [float((overlap[of_size] >= MET).sum()) for overlap, of_size in zip(overlaps, counted, strict=True)]
        key = name if name == "det_rate" else f"det_rate_{name}"
        shares[key] = Shares(np.array(met), np.array([float(of_size.sum()) for of_size in counted]))
    shares["mabo"] = Shares(np.array([overlap.mean() for overlap in overlaps], dtype=np.float64), once)
    return shares


def _of_size(images: Sequence[Image], low: float, high: float) -> dict[str, Any]:
    overlaps, shares = ([np.zeros(0)], [np.zeros(0)])
    for image in images:
        overlaps.append(best_overlaps(image))
        shares.append(area(image.objects))
    share = np.concatenate(shares)
    overlap = np.concatenate(overlaps)[(share >= low) & (share < high)]
    return {
        "min_area_share": low,
        "max_area_share": None if high == np.inf else high,
        "num_objects": len(overlap),
        "det_rate": float((overlap >= MET).mean()) if len(overlap) else None,
        "mean_best_overlap": float(overlap.mean()) if len(overlap) else None,
    }
