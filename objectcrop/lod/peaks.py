"""Robust maxima of a map: 0-dimensional persistence of super-level sets, measured in ranks (spec of LOD, 2.3).

Cells are numbered column by column from 0: cell = column * height + row, as in the reference (which starts at 1).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.int64]


def column_major(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (height, width) as a vector in cell order."""
    return np.asarray(values).T.reshape(-1)


@lru_cache(maxsize=256)
def neighbours_of_cells(height: int, width: int, *, reference: bool) -> tuple[tuple[int, ...], ...]:
    """The 8-neighbours of every cell.

    The reference adds linear offsets without a look at the column, so that the top of a column touches the bottom of the
    one before, and never returns the last cell.
    """
    count = height * width
    offsets = (-height - 1, -height, -height + 1, -1, 1, height - 1, height, height + 1)
    if reference:
        return tuple(tuple(p + d for d in offsets if 0 <= p + d < count - 1) for p in range(count))
    steps = [(dc, dr) for dc in (-1, 0, 1) for dr in (-1, 0, 1) if (dc, dr) != (0, 0)]
    return tuple(
        tuple((c + dc) * height + r + dr for dc, dr in steps if 0 <= c + dc < width and 0 <= r + dr < height)
        for c in range(width)
        for r in range(height)
    )


def descending(values: NDArray[np.float64]) -> Cells:
    """Indices by falling value; ties keep their order."""
    return np.argsort(-values, kind="stable")


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
    touching = neighbours_of_cells(height, width, reference=reference)
    parent = [-1] * flat.size
    birth = [0] * flat.size
    lifetime = [-1] * flat.size
    for time, cell in enumerate(order.tolist(), start=1):
        birth[cell] = time
        oldest, others = -1, []
        for near in touching[cell]:
            if parent[near] >= 0:
                while parent[near] != near:
                    parent[near] = parent[parent[near]]
                    near = parent[near]
                if oldest < 0:
                    oldest = near
                elif near != oldest:
                    others.append(near)
        if oldest < 0:
            parent[cell] = cell
            lifetime[cell] = len(order) - time  # unless it is joined to an older one later
            continue
        if others:
            touched = {oldest, *others}
            oldest = min(touched, key=birth.__getitem__)
            for root in touched - {oldest}:
                lifetime[root] = time - birth[root]
                parent[root] = oldest
        parent[cell] = oldest
        lifetime[cell] = 0
    return np.array(lifetime, dtype=np.int64)


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
        max_peaks: stop after so many.
        window: side of the square that a peak claims, cells, odd.
        reference: see `rank_persistence`.
    """
    height, width = values.shape
    lifetime = rank_persistence(values, reference=reference)
    flat = column_major(values)
    claimed = np.zeros((width, height), dtype=bool)
    reach = window // 2
    peaks: list[int] = []
    for cell in descending(lifetime.astype(np.float64))[: int((flat > 0).sum())].tolist():
        if flat[cell] < min_value:
            continue
        column, row = divmod(cell, height)
        square = (
            slice(max(0, column - reach), column + reach + 1),
            slice(max(0, row - reach), row + reach + 1),
        )
        if claimed[square].any():
            continue
        claimed[square] = True
        peaks.append(cell)
        if len(peaks) == max_peaks:
            break
    return np.array(peaks, dtype=np.int64)
