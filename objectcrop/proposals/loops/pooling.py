"""The loops of RoI max pooling, compiled (decision 0008). What they compute is described in `pooling`, which alone calls them."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Features = NDArray[np.float32]
Ints = NDArray[np.int64]


@compiled
def pool(cells: Features, spans: Ints) -> Features:
    """Greatest value of every channel in every bin, shape (bins, channels); 0 in empty bins.

    Args:
        cells: shape (height, width, channels), so that the channels of a cell are together.
        spans: first and one past the last row, then column, of every bin, shape (bins, 4).
    """
    greatest = np.empty((len(spans), cells.shape[2]), np.float32)
    for index in range(len(spans)):
        low, high, left, right = spans[index]
        _greatest(cells, low, high, left, right, greatest[index])
    return greatest


@compiled
def _greatest(cells: Features, low: int, high: int, left: int, right: int, out: Features) -> None:
    if low >= high or left >= right:
        out[:] = 0
        return
    out[:] = cells[low, left]
    for row in range(low, high):
        for column in range(left, right):
            values = cells[row, column]
            for channel in range(len(out)):
                out[channel] = max(out[channel], values[channel])


@compiled
def by_channel(pooled: Features, bins: Ints) -> Features:
    """Bins of each box with the places of a channel together, shape (boxes, channels, places).

    Args:
        pooled: shape (bins, channels).
        bins: the bin at each place of each box, shape (boxes, places).
    """
    values = np.empty((len(bins), pooled.shape[1], bins.shape[1]), np.float32)
    for box in range(len(bins)):
        for channel in range(pooled.shape[1]):
            for place in range(bins.shape[1]):
                values[box, channel, place] = pooled[bins[box, place], channel]
    return values
