"""The loops of saliency, compiled (decision 0008). What they compute is described in `saliency`, which alone calls them."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@compiled
def channel_sums(features: Singles) -> tuple[Singles, Floats]:
    """Sum of every column, and of its squares in double precision; shape (channels, cells) to (cells,) each."""
    sums, squares = np.zeros(features.shape[1], np.float32), np.zeros(features.shape[1])
    num_fours = len(features) // 4
    # four channels at a time, as memory is what this waits for; still added one by one
    for four in range(num_fours):
        one, two = features[4 * four], features[4 * four + 1]
        three, last = features[4 * four + 2], features[4 * four + 3]
        for cell in range(len(sums)):
            sums[cell] = (((sums[cell] + one[cell]) + two[cell]) + three[cell]) + last[cell]
            square = squares[cell] + np.float64(one[cell]) * np.float64(one[cell])
            square += np.float64(two[cell]) * np.float64(two[cell])
            square += np.float64(three[cell]) * np.float64(three[cell])
            squares[cell] = square + np.float64(last[cell]) * np.float64(last[cell])
    for channel in range(4 * num_fours, len(features)):
        values = features[channel]
        for cell in range(len(sums)):
            sums[cell] += values[cell]
            squares[cell] += np.float64(values[cell]) * np.float64(values[cell])
    return sums, squares


@compiled
def seeds(unit: Singles, peaks: Ints, around: Ints) -> Singles:
    """Compute the vector of each peak plus the mean of its neighbours' vectors, shape (peaks, channels).

    Args:
        unit: vectors of length 1, shape (channels, cells).
        peaks: cells.
        around: neighbours of each peak, filled up with -1.
    """
    sums = np.empty((len(peaks), len(unit)), np.float32)
    for channel in range(len(unit)):
        values = unit[channel]
        for peak in range(len(peaks)):
            total, count = np.float32(0), 0
            for cell in around[peak]:
                if cell >= 0:
                    total += values[cell]
                    count += 1
            sums[peak, channel] = values[peaks[peak]] + total / np.float32(max(count, 1))
    return sums


@compiled
def strong_pieces(maps: Singles, over: Floats, inside: Bools, height: int, least: float) -> Singles:
    """Keep 4-connected pieces of cells above a limit, one of which reaches `least`, inside a mask; 0 elsewhere.

    Args:
        maps: shape (maps, cells), cells numbered row by row.
        over: the limit of each map, not negative.
        inside: mask, shape (framed cells,): cells numbered column by column, with a frame one cell wide, which spares a check of
            the map's sides; pieces may reach over its edge.
        height: cells in a column, without the frame.
        least: value that one cell of a piece must have, above the limits.

    Returns:
        Shape (maps, framed cells).
    """
    width = maps.shape[1] // height
    strong = np.zeros((len(maps), len(inside)), np.float32)
    values, visited = np.zeros(len(inside), np.float32), np.ones(len(inside), np.bool_)
    piece = np.empty(maps.shape[1], np.int64)
    for index in range(len(maps)):
        for column in range(width):
            start = (column + 1) * (height + 2) + 1
            for row in range(height):
                value = maps[index, row * width + column]
                values[start + row], visited[start + row] = value, value <= over[index]
        for start in range(len(inside)):
            if values[start] >= least and not visited[start]:
                size = _gather(height + 2, start, visited, piece)
                for place in range(size):
                    cell = piece[place]
                    if inside[cell]:
                        strong[index, cell] = values[cell]
    return strong


@compiled
def _gather(height: int, start: int, visited: Bools, piece: Ints) -> int:
    """Write the unvisited cells connected to one, mark them as visited, and return how many they are."""
    piece[0], visited[start] = start, True
    done, size = 0, 1
    while done < size:
        cell = piece[done]
        done += 1
        for near in (cell - 1, cell + 1, cell - height, cell + height):
            if not visited[near]:
                piece[size], visited[near] = near, True
                size += 1
    return size
