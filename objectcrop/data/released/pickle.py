"""Read the authors' released dictionaries without running anything that their files ask for.

They are pickles inside .npy files, read with stand-ins for all that they ask for (objectcrop.runtime.array_pickle). What
these have noted is checked afterwards and turned into plain values.
"""

import io
import pickle
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from objectcrop.runtime.array_pickle import ArrayUnpickler, StoredArray
from objectcrop.runtime.memory import memory_limit

MAX_DEPTH = 5
"""Containers inside each other: dictionary, 'data', rows, row; and one to spare."""
LIMIT_BYTES = 256 * 2**20
LIMIT_PER_FILE_BYTE = 24
"""A file may take LIMIT_BYTES and this many times its size; rows of a box CSV take about 8 times."""

_LEAVES = {str, int, float, bool}
# What the pickle machine raises on a damaged program, and numpy on a damaged header.
_FAULTS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    tokenize.TokenError,
)


def load_released(path: Path) -> dict[str, Any]:
    """Return the dictionary that `numpy.save` wrote to a file, with arrays as lists.

    Args:
        path: a .npy file that holds a dictionary: a zero-dimensional array of objects.

    Returns:
        a dictionary with texts as keys, and dictionaries, lists, tuples, texts and numbers in it, MAX_DEPTH deep at most.

    Raises:
        ValueError: one sentence that names the file, if it is damaged, asks for a name that is not needed (which one), holds
            anything else, or would take far more memory than a file of its size can need.
    """
    num_bytes = path.stat().st_size
    with _errors_named(path), io.BufferedReader(io.FileIO(path), 2**20) as file:
        _read_header(file)
        with memory_limit(LIMIT_BYTES + LIMIT_PER_FILE_BYTE * num_bytes):
            array = ArrayUnpickler(file, num_bytes, "no dictionary of lists needs").load()
            value = _plain(array, MAX_DEPTH + 1, _Budget(num_bytes))
        if type(value) is not dict:
            raise ValueError(f"holds a {type(value).__name__}, not a dictionary")
    return value


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or hostile file leads to into one ValueError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except _FAULTS as error:
        why = "it would take more memory than a file of its size can need" if isinstance(error, MemoryError) else error
        raise ValueError(
            f"{path}: rejected as a dictionary saved by numpy ({' '.join(str(why).split())}); take the file as released"
        ) from error


def _read_header(file: BinaryIO) -> None:
    version = npy_format.read_magic(file)
    readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its .npy version is {version}")
    shape, _, dtype = readers[version](file)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f"it holds an array of {dtype} of shape {shape}, not one object")


class _Budget:
    """How many entries may still be met: a file cannot list more than it has bytes, but one list can stand in many places."""

    def __init__(self, entries: int) -> None:
        self._left = entries

    def take(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ValueError("it shows more entries than it has bytes: the same list stands in many places")


def _plain(value: Any, depth: int, budget: _Budget) -> Any:
    """Return the value with arrays as lists, checked to hold nothing but plain values."""
    if type(value) is StoredArray:
        value = value.plain()
    if type(value) in _LEAVES:
        return value
    if type(value) not in (dict, list, tuple):
        raise ValueError(f"it holds a {type(value).__name__}; only dict, list, str, numbers and arrays are taken")
    if depth == 0:
        raise ValueError(f"it holds lists or dictionaries inside each other more than {MAX_DEPTH} deep")
    budget.take(len(value))
    if type(value) is not dict:
        plain = _LEAVES.issuperset(map(type, value))
        return value if plain else [_plain(item, depth - 1, budget) for item in value]
    if not {str}.issuperset(map(type, value)):
        raise ValueError("it holds a dictionary with keys that are not text")
    return {key: _plain(item, depth - 1, budget) for key, item in value.items()}
