"""The loops of saliency, compiled (decision 0008). What they compute is told in `saliency`, which alone calls them."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.lod.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def squared_lengths(features: NDArray[np.float32]) -> Floats:
    """Sum of the squares of every column in double precision; shape (channels, cells) to (cells,)."""
    total = np.zeros(features.shape[1])
    for index in range(len(features)):
        channel = features[index]
        for cell in range(len(channel)):
            total[cell] += np.float64(channel[cell]) * np.float64(channel[cell])
    return total


@compiled
def clear_weak_pieces(maps: Floats, width: int, least: float) -> None:
    """Set 4-connected pieces of positive cells to 0, in place, if no cell of theirs reaches `least`.

    Args:
        maps: shape (maps, cells), not negative, cells numbered row by row.
        width: cells in a row.
        least: value that one cell must have.
    """
    seen, piece = np.zeros(maps.shape[1], np.bool_), np.empty(maps.shape[1], np.int64)
    for index in range(len(maps)):
        flat = maps[index]
        seen[:] = False
        for start in range(len(flat)):
            if flat[start] > 0 and not seen[start]:
                size = _gather(flat, width, start, seen, piece)
                greatest = flat[start]
                for cell in piece[:size]:
                    greatest = max(greatest, flat[cell])
                if greatest < least:
                    for cell in piece[:size]:
                        flat[cell] = 0


@compiled
def _gather(flat: Floats, width: int, start: int, seen: NDArray[np.bool_], piece: NDArray[np.int64]) -> int:
    """Write the cells of a piece and mark them as seen; how many there are."""
    piece[0], seen[start] = start, True
    done, size = 0, 1
    while done < size:
        cell = piece[done]
        done += 1
        column = cell % width
        for near, there in (
            (cell - 1, column > 0),
            (cell + 1, column < width - 1),
            (cell - width, cell >= width),
            (cell + width, cell + width < len(flat)),
        ):
            if there and flat[near] > 0 and not seen[near]:
                piece[size], seen[near] = near, True
                size += 1
    return size
