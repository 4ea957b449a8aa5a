"""The loop of the search for neighbours, compiled (decision 0008); `neighbours` alone calls it."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled


@compiled
def keep_greatest(
    values: NDArray[np.float32], first_column: int, greatest: NDArray[np.float32], columns: NDArray[np.int32]
) -> None:
    """Let new values of each row into its list of the greatest ones, in place; a new one comes after those that equal it.

    Args:
        values: shape (rows, new columns).
        first_column: number of the first new column, above those in the lists.
        greatest: shape (rows, k), falling.
        columns: numbers of their columns, shape (rows, k).
    """
    last = greatest.shape[1] - 1
    for row in range(len(values)):
        line, kept, numbers = values[row], greatest[row], columns[row]
        for column in range(len(line)):
            value = line[column]
            if value > kept[last]:
                place = last
                while place > 0 and value > kept[place - 1]:
                    kept[place], numbers[place] = kept[place - 1], numbers[place - 1]
                    place -= 1
                kept[place], numbers[place] = value, first_column + column
