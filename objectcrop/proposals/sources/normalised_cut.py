"""The vector of one normalised cut (Shi and Malik 2000): the second smallest solution of (D - W) x = lambda D x.

W has two values, 1 and `WEAK`. So a product with it is made of sums over cells that are alike, and the cells that earlier
cuts took, whose rows are all equal, count as one. Only the vector that is asked for is computed, by the method of Lanczos
(1950), to the accuracy of a dense solver.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from objectcrop.proposals.cells import channel_sums, unit_features
from objectcrop.proposals.loops import alike as alike_loops
from objectcrop.proposals.trunk import FeatureMap

Vector = NDArray[np.float64]
Cells = NDArray[np.bool_]

WEAK = 1e-5
"""Weight between cells that are not alike: it keeps the graph connected."""
ACCURACY = 1e-10
"""Length of what is wrong in a vector of length 1, at most, unless rounding is more."""
STEPS_BETWEEN_CHECKS = 8


def alike_cells(features: FeatureMap, min_cosine: float) -> Cells:
    """Where the cosine of two cells is at least `min_cosine`; shape (cells, cells), cells column by column."""
    by_column = np.ascontiguousarray(features.transpose(0, 2, 1))
    unit = unit_features(by_column, channel_sums(by_column).lengths)
    return np.asarray(unit.T @ unit >= min_cosine)


def cut_vector(alike: Cells, num_taken: int) -> tuple[Vector, float]:
    """Return the vector x of the second smallest lambda of (D - W) x = lambda D x; its sign is not determined.

    W is 1 between free cells that are alike and WEAK elsewhere. With y = D^1/2 x this is the symmetric problem of
    D^-1/2 W D^-1/2, second largest.

    Args:
        alike: free cells that are alike, symmetric, shape (free cells, free cells).
        num_taken: cells of which each is joined to all cells by WEAK, itself too.

    Returns:
        x of the free cells, and its value in each cell that is taken.
    """
    num_free, matrix = len(alike), np.ascontiguousarray(alike).view(np.uint8)
    # one more entry stands for the cells that are taken: they have one value of x, and it is that value times this root
    share = np.sqrt(num_taken)
    strong = np.count_nonzero(alike, axis=1)
    num_cells = num_free + num_taken
    root = np.sqrt(np.append((1 - WEAK) * strong + WEAK * num_cells, WEAK * num_cells))

    def product(vector: Vector) -> Vector:
        values = vector / root
        every = values[:-1].sum() + share * values[-1]
        near = alike_loops.sums_of_alike(matrix, values[:-1])
        return np.asarray(np.append((1 - WEAK) * near + WEAK * every, WEAK * share * every) / root)

    # that of the largest is x = 1
    first = root * np.append(np.ones(num_free), share)
    values = largest_beside(first / np.linalg.norm(first), product) / root
    return values[:-1], float(values[-1] / share) if num_taken else 0.0


def largest_beside(known: Vector, product: Callable[[Vector], Vector]) -> Vector:
    """Return the eigenvector of the largest eigenvalue beside one that is known, of a symmetric matrix; of length 1.

    The method of Lanczos. Each new vector of the basis is made orthogonal to all of them, twice, so that rounding makes no
    copies of what has converged; in the worst case the basis becomes complete.

    Args:
        known: eigenvector, of length 1.
        product: of the matrix with a vector.
    """
    # a start that is the same everywhere; which one is of no account, if it is not orthogonal to the result
    rest = _orthogonal(np.random.default_rng(0).standard_normal(len(known)), known[None])
    length = float(np.linalg.norm(rest))
    basis = np.empty((64, len(known)))
    diagonal: list[float] = []
    beside: list[float] = []
    basis[0] = known
    while True:
        size = len(diagonal) + 2
        if size > len(basis):
            basis = np.concatenate([basis, np.empty_like(basis)])
        basis[size - 1] = rest / length
        image = product(basis[size - 1])
        diagonal.append(float(basis[size - 1] @ image))
        rest = _orthogonal(image, basis[:size])
        length = float(np.linalg.norm(rest))
        complete = size == len(known) or length <= np.finfo(float).eps
        if complete or len(diagonal) % STEPS_BETWEEN_CHECKS == 0:
            parts, gap = _largest(diagonal, beside)
            # the residual over the distance to the next eigenvalue: what is wrong in the vector
            if complete or length * abs(parts[-1]) <= max(ACCURACY * gap, np.finfo(float).eps):
                return np.asarray(parts @ basis[1:size])
        beside.append(length)


def _orthogonal(vector: Vector, basis: Vector) -> Vector:
    """A vector without its part in the span of others, which are orthonormal."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


def _largest(diagonal: list[float], beside: list[float]) -> tuple[Vector, float]:
    """The eigenvector of a tridiagonal matrix's largest eigenvalue, and the distance to the next."""
    last = len(diagonal) - 1
    values, vectors = eigh_tridiagonal(diagonal, beside, select="i", select_range=(max(0, last - 1), last))
    return vectors[:, -1], float(values[-1] - values[0])
