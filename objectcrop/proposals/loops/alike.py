"""The loop of normalised cuts, compiled (decision 0008). What it is for is described in `normalised_cut`, which alone calls it."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@compiled
def sums_of_alike(alike: Bytes, values: Floats) -> Floats:
    """For every cell the sum of the values of the cells that are like it, shape (cells,).

    Args:
        alike: 1 where two cells are alike, else 0; symmetric, shape (cells, cells).
        values: shape (cells,).
    """
    sums = np.zeros(len(values))
    num_fours = len(values) // 4
    # row by row, as the matrix is symmetric: sums of all cells then grow together, each in the order of the cells; four rows
    # at a time, so that the sums are read and written less
    for four in range(num_fours):
        one, two = alike[4 * four], alike[4 * four + 1]
        three, last = alike[4 * four + 2], alike[4 * four + 3]
        of_one, of_two = values[4 * four], values[4 * four + 1]
        of_three, of_last = values[4 * four + 2], values[4 * four + 3]
        for cell in range(len(sums)):
            added = ((sums[cell] + one[cell] * of_one) + two[cell] * of_two) + three[cell] * of_three
            sums[cell] = added + last[cell] * of_last
    for row in range(4 * num_fours, len(values)):
        for cell in range(len(sums)):
            sums[cell] += alike[row, cell] * values[row]
    return sums
