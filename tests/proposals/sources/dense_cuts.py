"""MaskCut with a dense solver and the whole of W, as it is written: what the quick form is compared with."""

import numpy as np
from scipy.linalg import eigh

from objectcrop.proposals.sources.maskcut import FEWEST_CELLS, object_side
from objectcrop.proposals.sources.normalised_cut import WEAK


def weights_of(alike: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """W of all cells: 1 where two are alike and neither is taken, WEAK elsewhere."""
    return np.where(alike & ~taken[:, None] & ~taken, 1.0, WEAK)


def dense_vector(weights: np.ndarray) -> np.ndarray:
    """The vector of the second smallest lambda of (D - W) x = lambda D x."""
    root = np.sqrt(weights.sum(axis=1))
    last = len(weights) - 1
    _, vectors = eigh(weights / np.outer(root, root), subset_by_index=(last - 1, last - 1))
    return np.asarray(vectors[:, 0] / root)


def dense_masks(alike: np.ndarray, shape: tuple[int, int], num_cuts: int) -> np.ndarray:
    """Masks (objects, height, width) of a map whose cells are alike where `alike` says, column by column."""
    height, width = shape
    masks = np.zeros((0, height, width), dtype=bool)
    for _ in range(num_cuts):
        free = ~masks.any(axis=0)
        if free.sum() < 2 * FEWEST_CELLS:
            break
        taken = ~free.T.reshape(-1)
        weights = weights_of(alike, taken)
        if (weights[~taken] == weights[0, 0]).all():
            break
        mask = object_side(dense_vector(weights).reshape(width, height).T) & free
        if mask.sum() < FEWEST_CELLS:
            break
        masks = np.concatenate([masks, mask[None]])
    return masks
