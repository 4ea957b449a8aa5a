"""Probabilistic Hough matching of the regions of two images (Cho et al. 2015; spec of LOD, section 5).

A pair of regions, one of each image, votes with its likeness for the place and scale at which the second image would
hold the first; pairs that agree with many others score high. What is done for every vote and every bin stands in
`hough_loops`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size
from objectcrop.proposals.loops import hough as hough_loops
from objectcrop.proposals.loops.hough import REACH, Shapes, VoteGrid, Votes

Floats = NDArray[np.float64]

SCALE_BINS = 20
NUM_CELLS = 8000
MIN_CELL_PX = 5.0
_SIGMA = 5 / (2 * 2.354)
KERNEL = np.exp(-((np.arange(-REACH, REACH + 1)) ** 2) / (2 * _SIGMA**2))
"""One axis of the separable 5 x 5 x 5 Gaussian; sums to 1."""
KERNEL /= KERNEL.sum()


class RegionSet(NamedTuple):
    """The regions of one image, as the matching reads them: halves and centres in the 1-based inclusive convention."""

    size: Size
    half_width: Floats
    half_height: Floats
    centre_x: Floats
    centre_y: Floats
    features: NDArray[np.float32]


def region_set(boxes: NDArray[np.int64], size: Size, features: NDArray[np.float32]) -> RegionSet:
    """Regions from half-open boxes; the half-sizes are (width - 1) / 2, as the reference's inclusive ends make them.

    Args:
        boxes: shape (n, 4), half-open pixels, sides of at least 2.
        size: image.
        features: shape (n, dimensions).
    """
    first, last = boxes[:, :2] + 1.0, boxes[:, 2:].astype(np.float64)
    half, centre = (last - first) / 2, (last + first) / 2
    return RegionSet(size, half[:, 0], half[:, 1], centre[:, 0], centre[:, 1], features)


@lru_cache(maxsize=4096)
def vote_grid(size: Size) -> VoteGrid:
    """Bins over twice the image's sides, about 8000 square cells of at least 5 px, and 20 bins of 0.4 octaves."""
    cell = max(np.sqrt(4 * size.width * size.height / NUM_CELLS), MIN_CELL_PX)
    columns, rows = (max(1, int(np.floor(2 * side / cell + 0.5))) for side in size)
    return VoteGrid(_edges(1, 2 * size.width, columns), _edges(1, 2 * size.height, rows), _edges(-4, 4, SCALE_BINS))


def _edges(low: float, high: float, count: int) -> Floats:
    # multiply before dividing and pin the end, as the reference: votes do fall exactly on edges
    edges = low + np.arange(count + 1) * (high - low) / count
    edges[-1] = high
    return edges


def cast_votes(first: RegionSet, second: RegionSet) -> Votes:
    """Where the lower right corner of the first image lands in the second if two regions are the same thing.

    Rejected are votes outside the grid and pairs whose aspect ratios differ by a factor of 2 or more.
    """
    size = first.size
    return hough_loops.cast(
        _shapes(first), _shapes(second), float(size.width), float(size.height), vote_grid(second.size)
    )


def _shapes(regions: RegionSet) -> Shapes:
    # compiled loops are compiled again for every layout that they meet
    a, b, c, e = (np.ascontiguousarray(values, dtype=np.float64) for values in regions[1:5])
    return Shapes(a, b, c, e)


def match(first: RegionSet, second: RegionSet, likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hough score of every pair of regions in one direction, shape (first regions, second regions), not negative.

    Args:
        first: regions that vote.
        second: regions of the image that votes are cast in.
        likeness: similarity of every pair, not negative.
    """
    likeness = np.ascontiguousarray(likeness, dtype=np.float32)
    grid, votes = vote_grid(second.size), cast_votes(first, second)
    rows, columns, line = (len(edges) - 1 + 2 * REACH for edges in (grid.y, grid.x, grid.scale))
    plane = columns * line
    counts = hough_loops.count(votes, likeness, rows * plane)
    hough_loops.smooth(counts, plane, line, KERNEL)
    return hough_loops.weigh(votes, likeness, counts, plane, KERNEL)


def appearance(first: RegionSet, second: RegionSet) -> NDArray[np.float32]:
    """Likeness of every pair of regions: the dot product of their features, negative ones cut off."""
    products = np.asarray(first.features @ second.features.T)
    return np.maximum(products, 0, out=products)


def symmetric_scores(first: RegionSet, second: RegionSet, likeness: NDArray[np.float32]) -> Floats:
    """Score of every pair of regions, both directions added, times a million over the number of pairs of regions."""
    forward, backward = match(first, second, likeness), match(second, first, likeness.T)
    return hough_loops.add_both(forward, backward, 1e6 / max(forward.size, 1))


def confidence(first: RegionSet, second: RegionSet) -> Floats:
    """Symmetric scores of two images by the similarity of their regions."""
    return symmetric_scores(first, second, appearance(first, second))


class Entries(NamedTuple):
    """The entries kept of a block of scores."""

    rows: NDArray[np.uint16]
    columns: NDArray[np.uint16]
    values: NDArray[np.float32]


def greatest_entries(block: Floats, count: int) -> Entries:
    """The `count` greatest entries above 0, in column order; of equal ones the first columns' first rows."""
    flat = block.T.reshape(-1)
    kept = np.flatnonzero(flat > 0)
    if len(kept) > count:
        limit = np.partition(flat[kept], -count)[-count]
        above = kept[flat[kept] > limit]
        tied = kept[flat[kept] == limit][: count - len(above)]
        kept = np.sort(np.concatenate([above, tied]))
    columns, rows = np.divmod(kept, max(len(block), 1))
    return Entries(rows.astype(np.uint16), columns.astype(np.uint16), flat[kept].astype(np.float32))
