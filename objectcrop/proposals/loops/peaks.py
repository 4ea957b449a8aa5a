"""The loops of peaks, compiled (decision 0008). What they compute is described in `peaks`, which alone calls them."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled
def ties_rising(order: Ints, values: Floats) -> None:
    """Put indices of equal values in rising order, in place.

    Args:
        order: indices such that equal values follow one another.
        values: any.
    """
    begin = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[begin]]:
            if end - begin > 1:
                order[begin:end].sort()
            begin = end


@compiled
def lifetimes(order: Ints, touching: Ints) -> Ints:
    """For how many visits the component of each cell lived; -1 for cells that are not visited.

    Args:
        order: cells to visit.
        touching: neighbours of every cell, shape (cells, most neighbours), filled up with -1.
    """
    parent, birth = np.full(len(touching), -1), np.zeros(len(touching), np.int64)
    lifetime = np.full(len(touching), -1)
    roots = np.empty(touching.shape[1], np.int64)
    for time in range(1, len(order) + 1):
        cell = order[time - 1]
        birth[cell] = time
        count = _roots_around(touching[cell], parent, roots)
        if count == 0:
            parent[cell] = cell
            lifetime[cell] = len(order) - time  # unless it is joined to an older one later
            continue
        oldest = roots[0]
        for root in roots[1:count]:
            if birth[root] < birth[oldest]:
                oldest = root
        for root in roots[:count]:
            if root != oldest:
                lifetime[root] = time - birth[root]
                parent[root] = oldest
        parent[cell] = oldest
        lifetime[cell] = 0
    return lifetime


@compiled
def _roots_around(touching: Ints, parent: Ints, roots: Ints) -> int:
    """Write the roots of the neighbours visited before, one perhaps more than once; how many are written."""
    count = 0
    for near in touching:
        if near >= 0 and parent[near] >= 0:
            root = near
            while parent[root] != root:
                parent[root] = parent[parent[root]]
                root = parent[root]
            roots[count] = root
            count += 1
    return count


@compiled
def claim(order: Ints, values: Floats, height: int, min_value: float, max_peaks: int, reach: int) -> Ints:
    """The first cells in order whose squares do not overlap.

    Args:
        order: cells, the best first.
        values: map, shape (cells,), column by column.
        height: cells in a column.
        min_value: least value of a peak.
        max_peaks: most peaks.
        reach: cells from the middle of a square to its sides.
    """
    width = len(values) // height
    claimed = np.zeros((width, height), np.bool_)
    peaks, count = np.empty(max_peaks, np.int64), 0
    for cell in order:
        if count == max_peaks:
            break
        if values[cell] >= min_value:
            column, row = cell // height, cell % height
            square = claimed[max(0, column - reach) : column + reach + 1, max(0, row - reach) : row + reach + 1]
            if not square.any():
                square[:] = True
                peaks[count] = cell
                count += 1
    return peaks[:count]
