"""Nearest images by descriptor, and the pairs of images to score (spec of LOD, section 4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS_AT_A_TIME = 1024


class Neighbours(NamedTuple):
    """Nearest other images of every image, nearest first."""

    indices: NDArray[np.int32]
    """Shape (images, k)."""
    similarities: NDArray[np.float32]
    """Shape (images, k): cosine, -1 to 1."""


def find_neighbours(descriptors: NDArray[np.float32], num_neighbours: int) -> Neighbours:
    """The `num_neighbours` images with the greatest cosine, by exact search; fewer if there are not so many.

    An image is not its own neighbour. Ties keep the images' order. A descriptor of zeros is similar to none (cosine 0).

    Args:
        descriptors: shape (images, dimensions), finite.
        num_neighbours: k.
    """
    count = len(descriptors)
    kept = min(num_neighbours, max(count - 1, 0))
    lengths = np.linalg.norm(descriptors, axis=1, keepdims=True)
    unit = (descriptors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    indices = np.zeros((count, kept), dtype=np.int32)
    similarities = np.zeros((count, kept), dtype=np.float32)
    for start in range(0, count, ROWS_AT_A_TIME) if kept else ():
        rows = np.arange(start, min(start + ROWS_AT_A_TIME, count))
        cosine = unit[rows] @ unit.T
        cosine[rows - start, rows] = -np.inf
        nearest = _greatest(cosine, kept)
        indices[rows] = nearest
        similarities[rows] = np.take_along_axis(cosine, nearest, axis=1)
    return Neighbours(indices, similarities)


def _greatest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Columns of the `count` greatest values of each row, greatest first; of equal ones the first columns."""
    limit = np.partition(values, -count, axis=1)[:, -count]
    found = np.empty((len(values), count), dtype=np.int64)
    for row, (line, least) in enumerate(zip(values, limit, strict=True)):
        candidates = np.flatnonzero(line >= least)
        found[row] = candidates[np.argsort(-line[candidates], kind="stable")[:count]]
    return found


def pairs_to_score(indices: NDArray[np.int32]) -> NDArray[np.int32]:
    """Pairs (i, j), i < j, of which one is a neighbour of the other; each once, sorted, shape (pairs, 2).

    The reference scores every ordered pair; the other half are mirror images.
    """
    count, kept = indices.shape
    pairs = np.stack([np.repeat(np.arange(count, dtype=np.int32), kept), indices.reshape(-1)], axis=1)
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int32).reshape(-1, 2)
