"""The loop of W's product with a vector, compiled (decision 0008); `row_parts` alone calls it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled


@compiled
def multiply_rows(
    starts: NDArray[np.int64],
    columns: NDArray[Any],
    values: NDArray[np.float32],
    vector: NDArray[np.float64],
    products: NDArray[np.float64],
) -> None:
    """Write each row's product with a vector, summed in float64 from its first entry to its last.

    Args:
        starts: first entry of each row and the end of the last, from 0, shape (rows + 1,).
        columns: int32 or int64, shape (entries,).
        values: shape (entries,).
        vector: shape (columns of the matrix,).
        products: shape (rows,), written.
    """
    for row in range(len(products)):
        total = 0.0
        # unsigned, as places that may be negative cost a test each: a third of the time
        for entry in range(np.uint64(starts[row]), np.uint64(starts[row + 1])):
            total += np.float64(values[entry]) * vector[np.uint64(columns[entry])]
        products[row] = total
