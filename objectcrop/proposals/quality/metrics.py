"""How well boxes find the annotated objects: CorLoc, odAP, DetRate, mABO (spec of LOD, section 9).

Boxes are half-open, so their IoU is that of the reference's inclusive boxes. Values are shares, 0 to 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, iou

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


class Image(NamedTuple):
    """The proposals of an image, best first, and the boxes of its objects, of which there is at least one."""

    proposals: Boxes
    objects: Boxes


def best_overlaps(image: Image, max_boxes: int | None = None) -> NDArray[np.float64]:
    """Compute for each object the greatest IoU with one of the first boxes; 0 if there are none."""
    return np.asarray(iou(image.objects, image.proposals[:max_boxes]).max(axis=1, initial=0.0))


def corloc(images: Sequence[Image], *, max_boxes: int | None = 1, threshold: float = 0.5) -> float:
    """Share of images of which one of the first boxes meets an object; images without boxes count as misses."""
    hits = [best_overlaps(image, max_boxes).max() >= threshold for image in images]
    return float(np.mean(hits)) if hits else 0.0


def detection_rate(images: Sequence[Image], *, threshold: float = 0.5) -> float:
    """Share of objects that some box meets, over all images."""
    overlaps = [best_overlaps(image) for image in images]
    return float(np.mean(np.concatenate(overlaps) >= threshold)) if overlaps else 0.0


def mean_best_overlap(images: Sequence[Image]) -> float:
    """mABO: mean over images of the mean over their objects of the greatest IoU."""
    return float(np.mean([best_overlaps(image).mean() for image in images])) if images else 0.0


class RankCounts(NamedTuple):
    """Of one image, by rank 1, 2, ...: both are cumulative, and constant after the image's last box."""

    true_positives: NDArray[np.int64]
    """Boxes that are the first to meet some object."""
    covered: NDArray[np.int64]
    """Objects met."""


def counts_by_rank(image: Image, threshold: float) -> RankCounts:
    """Count the true boxes and the objects met among the first 1, 2, ... boxes."""
    hits = iou(image.proposals, image.objects) >= threshold
    first_hit = hits & (np.cumsum(hits, axis=0) == 1)
    return RankCounts(np.cumsum(first_hit.any(axis=1)), np.cumsum(first_hit.sum(axis=1)))


class Curve(NamedTuple):
    """Precision and recall by rank, images pooled at equal rank."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """Sum of precision times step of recall, without interpolation."""
        return float((self.precision * np.diff(self.recall, prepend=0.0)).sum())


def curve(images: Sequence[Image], threshold: float) -> Curve:
    """Compute precision and recall by rank; an image without boxes counts as one with a single false box."""
    ranks = max((len(image.proposals) for image in images), default=0)
    true, drawn, covered = (np.zeros(max(ranks, 1)) for _ in range(3))
    num_objects = sum(len(image.objects) for image in images)
    for image in images:
        drawn += np.minimum(np.arange(1, len(true) + 1), max(len(image.proposals), 1))
        if len(image.proposals):
            counts = counts_by_rank(image, threshold)
            last = np.minimum(np.arange(len(true)), len(image.proposals) - 1)
            true += counts.true_positives[last]
            covered += counts.covered[last]
    return Curve(true / np.maximum(drawn, 1), covered / max(num_objects, 1))


def object_discovery_ap(images: Sequence[Image], threshold: float = 0.5) -> float:
    """OdAP at one threshold; not COCO's AP."""
    return curve(images, threshold).average_precision


def mean_object_discovery_ap(images: Sequence[Image]) -> float:
    """odAP, mean over thresholds .5, .55, ..., .95."""
    return float(np.mean([object_discovery_ap(images, threshold) for threshold in THRESHOLDS]))
