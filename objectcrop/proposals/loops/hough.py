"""The loops of Hough matching, compiled (decision 0008). What they compute is described in `hough`, which alone calls them.

A bin has a place in a flat grid of (y, x, scale), which has a margin of `REACH` bins at both ends of every axis: votes are
spread to neighbouring bins without checking the ends, as what is carried over the end of a line lands in a margin.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Floats = NDArray[np.float64]
Scores = NDArray[np.float32]
Indices = NDArray[np.int32]

REACH = 2
"""Bins on each side that a vote is spread to."""
_LOG_2 = math.log(2)


class Shapes(NamedTuple):
    """Halves and centres of the regions of an image, pixels."""

    half_width: Floats
    half_height: Floats
    centre_x: Floats
    centre_y: Floats


class VoteGrid(NamedTuple):
    """Edges of the bins in place (pixels, 1-based) and scale (octaves), nearly even."""

    x: Floats
    y: Floats
    scale: Floats


class Votes(NamedTuple):
    """Valid votes in the order of the first image's regions, then of the second's."""

    starts: NDArray[np.int64]
    """First vote of each of the first image's regions, and the number of votes."""
    second: Indices
    """Region of the second image."""
    places: Indices
    """Place of the vote's bin in the grid with margins."""


@compiled
def cast(first: Shapes, second: Shapes, width: float, height: float, grid: VoteGrid) -> Votes:
    """Votes of all pairs of regions; `width` and `height` are the first image's."""
    num_first, num_second = len(first.half_width), len(second.half_width)
    starts = np.zeros(num_first + 1, dtype=np.int64)
    regions, places = np.empty(num_first * num_second, np.int32), np.empty(num_first * num_second, np.int32)
    x, y, near = np.empty(num_second), np.empty(num_second), np.empty(num_second + 1, np.int32)
    area, aspect = second.half_width * second.half_height, second.half_width / second.half_height
    x_rate, y_rate, scale_rate = bins_per_unit(grid.x), bins_per_unit(grid.y), bins_per_unit(grid.scale)
    line = len(grid.scale) - 1 + 2 * REACH
    plane = (len(grid.x) - 1 + 2 * REACH) * line
    total = 0
    for region in range(num_first):
        own_area = first.half_width[region] * first.half_height[region]
        count = _aim(first, region, second, aspect, width, height, grid, x, y, near)
        for candidate in near[:count]:
            scale = math.log(area[candidate] / own_area) / _LOG_2
            if grid.scale[0] <= scale < grid.scale[-1]:
                place = (bin_of(y[candidate], grid.y, y_rate) + REACH) * plane
                place += (bin_of(x[candidate], grid.x, x_rate) + REACH) * line
                regions[total] = candidate
                places[total] = place + bin_of(scale, grid.scale, scale_rate) + REACH
                total += 1
        starts[region + 1] = total
    return Votes(starts, regions[:total], places[:total])


@compiled
def _aim(
    first: Shapes,
    region: int,
    second: Shapes,
    aspect: Floats,
    width: float,
    height: float,
    grid: VoteGrid,
    x: Floats,
    y: Floats,
    near: Indices,
) -> int:
    """Write where one region's votes land, and which are neither outside the grid nor of another aspect; how many those are."""
    a, b = first.half_width[region], first.half_height[region]
    c, e = first.centre_x[region], first.centre_y[region]
    area, own_aspect = a * b, a / b
    # in this order of operations the reference's bins come out to the bit
    x_share, y_share = (b / area) * width - (c * b) / area, (a / area) * height - (e * a) / area
    x_end, y_end = grid.x[-1], grid.y[-1]
    valid = np.empty(len(x), np.uint8)
    for k in range(len(x)):
        to_x = second.half_width[k] * x_share + second.centre_x[k]
        to_y = second.half_height[k] * y_share + second.centre_y[k]
        ratio = aspect[k] / own_aspect
        x[k], y[k] = to_x, to_y
        # no branch, so that the processor does several at once
        valid[k] = (ratio > 0.5) & (ratio < 2) & (to_x >= 1) & (to_x < x_end) & (to_y >= 1) & (to_y < y_end)
    count = 0
    for k in range(len(x)):
        near[count] = k
        count += valid[k]
    return count


@compiled
def bins_per_unit(edges: Floats) -> float:
    """The rate at which bins follow each other."""
    return float((len(edges) - 1) / (edges[-1] - edges[0]))


@compiled
def bin_of(value: float, edges: Floats, rate: float) -> int:
    """Last edge at or below a value that is between the first edge and the last."""
    guess = min(int((value - edges[0]) * rate), len(edges) - 2)
    if value < edges[guess]:
        return guess - 1
    if value >= edges[guess + 1]:
        return guess + 1
    return guess


@compiled
def count(votes: Votes, likeness: Scores, num_places: int) -> Floats:
    """Votes by place: in each a region of the first image counts once, by its best match."""
    counts, best = np.zeros(num_places), np.zeros(num_places, np.float32)
    for region in range(len(votes.starts) - 1):
        own = range(votes.starts[region], votes.starts[region + 1])
        for vote in own:
            place = votes.places[vote]
            best[place] = max(best[place], likeness[region, votes.second[vote]])
        for vote in own:
            place = votes.places[vote]
            counts[place] += best[place]
            best[place] = 0  # the bin's other votes add nothing
    return counts


@compiled
def smooth(counts: Floats, plane: int, line: int, kernel: Floats) -> None:
    """Spread the counts in x and scale, in place.

    Args:
        counts: of the whole grid.
        plane: places from one bin to the next in y.
        line: the same in x.
        kernel: weights of 2 * REACH + 1 bins, symmetric.
    """
    held = np.zeros(plane)
    for start in range(REACH * plane, len(counts) - REACH * plane, plane):
        values = counts[start : start + plane]
        _spread(values, 1, kernel, held)
        _spread(held, line, kernel, values)


@compiled
def _spread(values: Floats, step: int, kernel: Floats, out: Floats) -> None:
    centre, near, far = kernel[2], kernel[3], kernel[4]
    size = len(values) - 4 * step
    # five views and one index: the processor does several sums at once
    before, left, middle = values[:size], values[step : step + size], values[2 * step : 2 * step + size]
    right, after = values[3 * step : 3 * step + size], values[4 * step :]
    target = out[2 * step : 2 * step + size]
    for i in range(size):
        target[i] = centre * middle[i] + near * (left[i] + right[i]) + far * (before[i] + after[i])


@compiled
def weigh(votes: Votes, likeness: Scores, counts: Floats, plane: int, kernel: Floats) -> Scores:
    """Likeness of each voting pair times the count at its bin, spread in y only now; 0 for the other pairs."""
    centre, near, far = kernel[2], kernel[3], kernel[4]
    scores = np.zeros(likeness.shape, np.float32)
    for region in range(len(votes.starts) - 1):
        for vote in range(votes.starts[region], votes.starts[region + 1]):
            place, other = votes.places[vote], votes.second[vote]
            spread = (
                centre * counts[place]
                + near * (counts[place - plane] + counts[place + plane])
                + far * (counts[place - 2 * plane] + counts[place + 2 * plane])
            )
            scores[region, other] = likeness[region, other] * spread
    return scores


@compiled
def add_both(forward: Scores, backward: Scores, factor: float) -> Floats:
    """Scores of the first image's votes and, transposed, of the second's: the sum in double precision, times `factor`."""
    added = np.empty(forward.shape)
    for row in range(forward.shape[0]):
        for column in range(forward.shape[1]):
            added[row, column] = (np.float64(forward[row, column]) + np.float64(backward[column, row])) * factor
    return added
