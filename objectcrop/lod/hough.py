"""Probabilistic Hough matching of the regions of two pictures (Cho et al. 2015; spec of LOD, section 5).

A pair of regions, one of each picture, votes with its likeness for the place and scale at which the second picture would
hold the first; pairs that agree with many others score high. The histogram is kept with an empty margin as wide as the
kernel reaches, so that smoothing along an axis is five shifted sums of one flat array.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALE_BINS = 20
NUM_CELLS = 8000
MIN_CELL_PX = 5.0
REACH = 2
"""Cells on each side of the smoothing kernel."""
_SIGMA = 5 / (2 * 2.354)
KERNEL = np.exp(-((np.arange(-REACH, REACH + 1)) ** 2) / (2 * _SIGMA**2))
"""One axis of the separable 5 x 5 x 5 Gaussian; sums to 1."""
KERNEL /= KERNEL.sum()


class RegionSet(NamedTuple):
    """The regions of one picture, as the matching reads them: halves and centres in the 1-based inclusive convention."""

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
        size: picture.
        features: shape (n, dimensions).
    """
    first, last = boxes[:, :2] + 1.0, boxes[:, 2:].astype(np.float64)
    half, centre = (last - first) / 2, (last + first) / 2
    return RegionSet(size, half[:, 0], half[:, 1], centre[:, 0], centre[:, 1], features)


class VoteGrid(NamedTuple):
    """Edges of the bins in place (pixels, 1-based) and scale (octaves); they depend on the second picture alone."""

    x: Floats
    y: Floats
    scale: Floats


@lru_cache(maxsize=4096)
def vote_grid(size: Size) -> VoteGrid:
    """Bins over twice the picture's sides, about 8000 square cells of at least 5 px, and 20 bins of 0.4 octaves."""
    cell = max(np.sqrt(4 * size.width * size.height / NUM_CELLS), MIN_CELL_PX)
    columns, rows = (max(1, int(np.floor(2 * side / cell + 0.5))) for side in size)
    return VoteGrid(_edges(1, 2 * size.width, columns), _edges(1, 2 * size.height, rows), _edges(-4, 4, SCALE_BINS))


def _edges(low: float, high: float, count: int) -> Floats:
    # multiply before dividing and pin the end, as the reference: votes do fall exactly on edges
    edges = low + np.arange(count + 1) * (high - low) / count
    edges[-1] = high
    return edges


class Votes(NamedTuple):
    """Valid votes in order of the first picture's regions: region of each picture and bin along each axis."""

    first: Ints
    second: Ints
    y: Ints
    x: Ints
    scale: Ints


def cast_votes(first: RegionSet, second: RegionSet) -> Votes:
    """Where the lower right corner of the first picture lands in the second if two regions are the same thing.

    Rejected are votes outside the grid and pairs whose aspect ratios differ by a factor of 2 or more.
    """
    a, b, c, e = first.half_width, first.half_height, first.centre_x, first.centre_y
    area = a * b
    aspect = (second.half_width / second.half_height)[None] / (a / b)[:, None]
    # in this order of operations the reference's bins come out to the bit
    x_share, y_share = (b / area) * first.size.width - (c * b) / area, (a / area) * first.size.height - (e * a) / area
    x = second.half_width[None] * x_share[:, None] + second.centre_x[None]
    y = second.half_height[None] * y_share[:, None] + second.centre_y[None]
    grid = vote_grid(second.size)
    valid = (aspect > 0.5) & (aspect < 2) & (x >= 1) & (x < grid.x[-1]) & (y >= 1) & (y < grid.y[-1])
    rows, columns = np.nonzero(valid)
    scale = np.log((second.half_width * second.half_height)[columns] / area[rows]) / np.log(2)
    near = (scale >= grid.scale[0]) & (scale < grid.scale[-1])
    rows, columns, scale = rows[near], columns[near], scale[near]
    return Votes(
        rows,
        columns,
        _bins(y[rows, columns], grid.y),
        _bins(x[rows, columns], grid.x),
        _bins(scale, grid.scale),
    )


def _bins(values: Floats, edges: Floats) -> Ints:
    """Last edge at or below each value, which is not below the first; as a search of the edges, which are nearly even."""
    count = len(edges) - 1
    guess: Ints = ((values - edges[0]) * (count / (edges[-1] - edges[0]))).astype(np.int64)
    np.clip(guess, 0, count - 1, out=guess)
    guess -= values < edges[guess]
    guess += values >= edges[guess + 1]
    return guess


class Histogram(NamedTuple):
    """Votes by bin, as one flat array with a margin of `REACH` bins around each axis."""

    counts: Floats
    strides: tuple[int, int, int]
    """Places in the array from one bin to the next in y, x and scale."""
    bins: Ints
    """Place of each vote."""


def vote_histogram(votes: Votes, likeness: Floats) -> Histogram:
    """Votes per bin, over the range of bins that hold any: in each a region of the first picture counts once, by its best match."""
    lows = [int(axis.min()) - REACH for axis in (votes.y, votes.x, votes.scale)]
    sides = [int(axis.max()) - low + REACH + 1 for axis, low in zip(votes[2:], lows, strict=True)]
    strides = sides[1] * sides[2], sides[2], 1
    bins = np.asarray(
        (votes.y - lows[0]) * strides[0] + (votes.x - lows[1]) * strides[1] + (votes.scale - lows[2]), dtype=np.int64
    )
    num_bins = sides[0] * strides[0]
    key = votes.first * num_bins + bins
    order = np.argsort(key)
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    best = np.maximum.reduceat(likeness[order], starts)
    counts = np.bincount(bins[order[starts]], weights=best, minlength=num_bins)
    return Histogram(np.asarray(counts, dtype=np.float64), strides, bins)


def smoothed(histogram: Histogram) -> Floats:
    """The histogram under the Gaussian, right in all bins off the margin."""
    values = histogram.counts
    # fresh memory for every sum would cost more than the sums
    spread, other, near = (np.empty_like(values) for _ in range(3))
    for step in histogram.strides:
        np.multiply(values, KERNEL[REACH], out=spread)
        for shift in range(step, (REACH + 1) * step, step):
            both = near[: len(values) - 2 * shift]
            # what a shift carries over the end of a line lands in a margin
            np.add(values[2 * shift :], values[: -2 * shift], out=both)
            both *= KERNEL[REACH + shift // step]
            spread[shift:-shift] += both
        values, spread, other = spread, other, spread
    return values


def smoothed_votes(votes: Votes, likeness: Floats) -> Floats:
    """The smoothed histogram, read at the bin of each vote."""
    if len(likeness) == 0:
        return np.zeros(0)
    histogram = vote_histogram(votes, likeness)
    return smoothed(histogram)[histogram.bins]


def match(first: RegionSet, second: RegionSet, likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hough score of every pair of regions in one direction, shape (first regions, second regions), not negative.

    Args:
        first: regions that vote.
        second: regions of the picture that votes are cast in.
        likeness: appearance of every pair, not negative.
    """
    votes = cast_votes(first, second)
    own = likeness[votes.first, votes.second].astype(np.float64)
    scores = np.zeros(likeness.shape, dtype=np.float32)
    scores[votes.first, votes.second] = own * smoothed_votes(votes, own)
    return scores


def appearance(first: RegionSet, second: RegionSet) -> NDArray[np.float32]:
    """Likeness of every pair of regions: the dot product of their features, negative ones cut off."""
    return np.asarray(np.maximum(first.features @ second.features.T, 0))


def symmetric_scores(first: RegionSet, second: RegionSet, likeness: NDArray[np.float32]) -> Floats:
    """Score of every pair of regions, both directions added, times a million over the number of pairs of regions."""
    both = match(first, second, likeness).astype(np.float64) + match(second, first, likeness.T).T
    return np.asarray(both * (1e6 / max(both.size, 1)))


def confidence(first: RegionSet, second: RegionSet) -> Floats:
    """Symmetric scores of two pictures by the appearance of their regions."""
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
