"""From scores to a few boxes per image: greedy selection (spec of LOD, section 8)."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, iou


def select_by_group(
    boxes: Boxes,
    scores: NDArray[np.float64],
    groups: NDArray[np.int64],
    *,
    max_boxes: int,
    max_overlap: float = 0.3,
) -> NDArray[np.int64]:
    """Indices of the best boxes, best first: one of each group, and IoU with every better one at most `max_overlap`.

    A group is the root that boxes grew from. Ties keep the order of the boxes. There is no least score.
    """
    chosen: list[int] = []
    used: set[int] = set()
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == max_boxes:
            break
        group = int(groups[index])
        if group in used or (chosen and iou(boxes[index : index + 1], boxes[chosen]).max() > max_overlap):
            continue
        chosen.append(index)
        used.add(group)
    return np.array(chosen, dtype=np.int64)


def select_by_overlap(
    boxes: Boxes, scores: NDArray[np.float64], *, max_boxes: int, max_overlap: float = 0.3
) -> NDArray[np.int64]:
    """Indices of the best boxes, best first, with IoU below `max_overlap` with every better one: plain suppression."""
    chosen: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == max_boxes:
            break
        if chosen and iou(boxes[index : index + 1], boxes[chosen]).max() >= max_overlap:
            continue
        chosen.append(index)
    return np.array(chosen, dtype=np.int64)
