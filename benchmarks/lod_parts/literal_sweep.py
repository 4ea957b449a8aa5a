"""The threshold sweep as the specification reads (spec of LOD, 2.6): threshold, label, enlarge to pixels, label again."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from objectcrop.boxes import Size


def literal_boxes(values: NDArray[np.float64], size: Size, counts: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Boxes of one map, level by level, half-open pixels."""
    height, width = values.shape
    flat = values.T.reshape(-1)
    order = np.argsort(-flat, kind="stable")
    reach = min(1.0, float(flat.max()))
    rows = (2 * np.arange(size.height) + 1) * height // (2 * size.height)
    columns = (2 * np.arange(size.width) + 1) * width // (2 * size.width)
    found = []
    for count in counts[counts >= ndimage.label(values >= reach)[1]]:
        kept = np.zeros(flat.size, dtype=bool)
        kept[order[:count]] = True
        pieces, number = ndimage.label(kept.reshape(width, height).T)
        greatest = ndimage.maximum(values, pieces, np.arange(1, number + 1)) if number else []
        good = 1 + np.flatnonzero(np.asarray(greatest) >= reach)
        enlarged = np.isin(pieces, good)[np.ix_(rows, columns)]
        for down, right in ndimage.find_objects(ndimage.label(enlarged)[0]):
            found.append((right.start, down.start, right.stop, down.stop))
    return found
