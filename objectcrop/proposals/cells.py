"""The cells of a feature map: their vectors, and the pixels that they cover."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops import saliency as saliency_loops

Ints = NDArray[np.int64]
Map = NDArray[np.float64]
"""Of one number a cell, shape (height, width)."""
FramedMaps = NDArray[np.float32]
"""With a frame one cell wide around each map, shape (maps, framed cells), cells column by column."""


class ChannelSums(NamedTuple):
    """What all channels together say of each cell, shape (height, width)."""

    saliency: Map
    """Global saliency: the sum over the channels, in single precision."""
    lengths: NDArray[np.float32]
    """Euclidean length of the cell's vector."""


def channel_sums(features: NDArray[np.float32]) -> ChannelSums:
    """Sums over the channels of a map (channels, height, width), in one pass."""
    sums, squares = saliency_loops.channel_sums(_vectors(features))
    shape = features.shape[1:]
    return ChannelSums(sums.astype(np.float64).reshape(shape), np.sqrt(squares).astype(np.float32).reshape(shape))


def _vectors(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map as vectors of cells, shape (channels, cells), cells row by row as they are in memory."""
    return np.ascontiguousarray(features, dtype=np.float32).reshape(len(features), -1)


def unit_features(features: NDArray[np.float32], lengths: NDArray[np.float32]) -> NDArray[np.float32]:
    """Feature vectors of length 1, shape (channels, cells), cells row by row; one of zeros stays one.

    Args:
        features: map (channels, height, width).
        lengths: of the cells' vectors, as `channel_sums` gives them.
    """
    return np.asarray(_vectors(features) / np.maximum(lengths.reshape(-1), np.finfo(np.float32).tiny))


@lru_cache(maxsize=1024)
def pixel_runs(cells: int, pixels: int) -> tuple[Ints, Ints]:
    """First pixel and one past the last pixel of each cell along one axis, under nearest-neighbour enlargement.

    Pixel x reads cell floor((2x+1) cells / (2 pixels)), in integers.
    """
    cell_of_pixel = (2 * np.arange(pixels) + 1) * cells // (2 * pixels)
    edges = np.searchsorted(cell_of_pixel, np.arange(cells + 1))
    return edges[:-1], edges[1:]
