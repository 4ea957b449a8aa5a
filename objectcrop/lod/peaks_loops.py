"""The loop of rank persistence, compiled (decision 0008). What it computes is told in `peaks`, which alone calls it."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.lod.compiled import compiled

Ints = NDArray[np.int64]


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
