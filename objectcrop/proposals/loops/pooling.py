"""The loop of RoI max pooling, compiled (decision 0008). What it computes is described in `pooling`, which alone calls it."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Features = NDArray[np.float32]


@compiled
def pool(cells: Features, spans: NDArray[np.int64], grid: int) -> Features:
    """Greatest value of every channel in every bin, shape (boxes, channels, grid * grid); 0 in empty bins.

    Args:
        cells: shape (height, width, channels), so that the channels of a cell are together.
        spans: first and one past the last row, then column, of every bin of an axis, shape (boxes, grid, 4).
        grid: bins a side.
    """
    num_channels = cells.shape[2]
    pooled = np.empty((len(spans), num_channels, grid * grid), np.float32)
    greatest = np.empty((grid * grid, num_channels), np.float32)
    for box in range(len(spans)):
        for down in range(grid):
            for across in range(grid):
                low, high = spans[box, down, 0], spans[box, down, 1]
                left, right = spans[box, across, 2], spans[box, across, 3]
                _greatest(cells, low, high, left, right, greatest[down * grid + across])
        for channel in range(num_channels):
            for place in range(grid * grid):
                pooled[box, channel, place] = greatest[place, channel]
    return pooled


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
