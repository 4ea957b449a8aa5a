"""Robust maxima of a map: 0-dimensional persistence of super-level sets, measured in ranks (spec of LOD, 2.3).

Cells are numbered column by column from 0: cell = column * height + row, as in the reference (which starts at 1).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops import peaks as peaks_loops

Cells = NDArray[np.int64]


def column_major(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (height, width) as a vector in cell order."""
    return np.asarray(values).T.reshape(-1)


@lru_cache(maxsize=256)
def neighbours_of_cells(height: int, width: int, *, reference: bool) -> Cells:
    """The 8-neighbours of every cell, rising, shape (cells, 8); -1 where there is none.

    The reference adds linear offsets without checking the column, so that the top of a column touches the bottom of the
    one before, and never returns the last cell.
    """
    count = height * width
    cells = np.arange(count)[:, None]
    steps = np.array([(c, r) for c in (-1, 0, 1) for r in (-1, 0, 1) if (c, r) != (0, 0)])
    near = cells + steps @ [height, 1]
    if reference:
        return np.where((near >= 0) & (near < count - 1), near, -1)
    columns, rows = cells // height + steps[:, 0], cells % height + steps[:, 1]
    return np.where((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height), near, -1)


def descending(values: NDArray[np.float64]) -> Cells:
    """Indices by falling value; ties keep their order.

    NumPy's stable sort of doubles is five times as slow as its unstable one, so ties are put in order afterwards.
    """
    falling = -np.asarray(values, dtype=np.float64)
    order = np.argsort(falling)
    peaks_loops.ties_rising(order, falling)
    return order


def rank_persistence(values: NDArray[np.float64], *, reference: bool = False) -> Cells:
    """Persistence of every cell: for how many visits its component lived; -1 for cells that are not positive.

    Positive cells are visited from high to low. A cell without visited neighbours founds a component; one that touches
    several joins them, and all but the oldest end there. Survivors end at the last visit.

    Args:
        values: map (height, width), not negative.
        reference: use the released neighbour finder with its wrap-around.
    """
    height, width = values.shape
    flat = column_major(values)
    order = descending(flat)[: int((flat > 0).sum())]
    return peaks_loops.lifetimes(order, neighbours_of_cells(height, width, reference=reference))


def find_peaks(
    values: NDArray[np.float64],
    *,
    min_value: float,
    max_peaks: int = 20,
    window: int = 3,
    reference: bool = False,
) -> Cells:
    """Cells of the most persistent maxima whose windows do not overlap, most persistent first.

    After the genuine maxima, cells of persistence 0 follow in cell order, as in the reference: most maps fill up.

    Args:
        values: map (height, width), not negative; only positive cells can be peaks.
        min_value: least value of a peak.
        max_peaks: most peaks.
        window: side of the square that a peak claims, cells, odd.
        reference: see `rank_persistence`.
    """
    lifetime = rank_persistence(values, reference=reference)
    genuine = np.flatnonzero(lifetime > 0)
    order = np.concatenate([genuine[descending(lifetime[genuine].astype(np.float64))], np.flatnonzero(lifetime == 0)])
    flat = np.ascontiguousarray(column_major(values), dtype=np.float64)
    return peaks_loops.claim(order, flat, len(values), float(min_value), max_peaks, window // 2)
