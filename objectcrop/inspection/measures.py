"""How well the proposals of one image cover its objects, and which crops show an object at all."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, area, intersection, iou

HIT_IOU = 0.5
"""A proposal covers an object from this IoU on; CorLoc and DetRate count these."""

TOUCH_IOU = 0.1
"""Below this IoU a proposal misses; between the two it is partial."""

VISIBLE_SHARE = 0.3
"""A crop shows an object when it holds at least this share of the object's area."""

Verdict = Literal["hit", "partial", "miss"]
ObjectSize = Literal["tiny", "small", "medium", "large"]
SIZE_LIMITS: tuple[tuple[ObjectSize, float], ...] = (("tiny", 0.01), ("small", 0.05), ("medium", 0.2))


@dataclass(frozen=True)
class Coverage:
    """Best overlaps between the objects and the ranked proposals of one image."""

    object_iou: NDArray[np.float64]  # of the best proposal, shape (objects,); 0 without proposals
    object_rank: NDArray[np.int64]  # of that proposal, 0 is the top one; -1 without proposals
    first_hit_rank: NDArray[np.int64]  # of the first proposal that covers the object; -1 if none does
    proposal_iou: NDArray[np.float64]  # with the best object, shape (proposals,); 0 without objects

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Whether each object is covered by some proposal."""
        return np.asarray(self.object_iou >= HIT_IOU)


def measure_coverage(proposals: Boxes, objects: Boxes) -> Coverage:
    """Compare every proposal with every object.

    Args:
        proposals: boxes in rank order, pixels.
        objects: annotated boxes without groups, pixels.
    """
    overlap = iou(proposals, objects)
    num_proposals, num_objects = overlap.shape
    if num_proposals == 0 or num_objects == 0:
        nowhere = np.full(num_objects, -1, dtype=np.int64)
        return Coverage(np.zeros(num_objects), nowhere, nowhere, np.zeros(num_proposals))
    hits = overlap >= HIT_IOU
    return Coverage(
        object_iou=overlap.max(axis=0),
        object_rank=overlap.argmax(axis=0),
        first_hit_rank=np.where(hits.any(axis=0), hits.argmax(axis=0), -1),
        proposal_iou=overlap.max(axis=1),
    )


def summarize(coverage: Coverage, object_shares: NDArray[np.float64]) -> dict[str, float | int | bool]:
    """Measures of one image; those that need an object are left out where there is none.

    CorLoc asks only the top-ranked proposal (an image without proposals fails it); the detection rate asks all of them.

    Args:
        coverage: of the image.
        object_shares: area of each object over the image's.
    """
    num_objects, num_proposals = len(coverage.object_iou), len(coverage.proposal_iou)
    values: dict[str, float | int | bool] = {"num_objects": num_objects, "num_proposals": num_proposals}
    if num_objects == 0:
        return values | {"num_missed": 0}
    top_iou = float(coverage.proposal_iou[0]) if num_proposals else 0.0
    return values | {
        "corloc": top_iou >= HIT_IOU,
        "corloc_iou": top_iou,
        "det_rate": float(coverage.covered.mean()),
        "num_missed": int((~coverage.covered).sum()),
        "best_iou_mean": float(coverage.object_iou.mean()),
        "smallest_object": float(object_shares.min()),
    }


def verdict(best_iou: float) -> Verdict:
    """What a proposal is worth, by its IoU with the best object."""
    if best_iou >= HIT_IOU:
        return "hit"
    return "partial" if best_iou >= TOUCH_IOU else "miss"


def size_class(area_share: float) -> ObjectSize:
    """Size of an object by its share of the image: tiny < 1 %, small < 5 %, medium < 20 %, large."""
    return next((name for name, limit in SIZE_LIMITS if area_share < limit), "large")


def shown_share(crops: Boxes, objects: Boxes) -> NDArray[np.float64]:
    """Largest share of any object's area that is inside each crop, shape (crops,); 0 without objects."""
    if len(objects) == 0:
        return np.zeros(len(crops))
    areas = area(objects)
    inside = intersection(crops, objects)
    shares = np.divide(inside, areas[None, :], out=np.zeros_like(inside), where=areas[None, :] > 0)
    return np.asarray(shares.max(axis=1))
