"""Read the authors' released dictionaries without running anything that their files ask for.

They are pickles inside .npy files. A pickle is a program: it may import and call anything. Here it finds seven names of numpy,
under the module names of numpy 1 and numpy 2, and none of them is numpy's: each is a stand-in that only notes its
arguments. These are checked afterwards and turned into plain values.
"""

import io
import math
import pickle
import re
import sys
import tokenize
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.lib import format as npy_format

from objectcrop.runtime.memory import memory_limit

MAX_DEPTH = 5
"""Containers inside each other: dictionary, 'data', rows, row; and one to spare."""
LIMIT_BYTES = 256 * 2**20
LIMIT_PER_FILE_BYTE = 24
"""A file may take LIMIT_BYTES and this many times its size; rows of a box CSV take about 8 times."""

_LEAVES = {str, int, float, bool}
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_PLAIN_CODE = re.compile(r"b1|[iu][1248]|f[248]|U[1-9]\d{0,3}")
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
            array = _Unpickler(_Bounded(file, num_bytes)).load()
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


class _Bounded:
    """A file of which nobody can ask for more bytes than are left: room for them would be made before they are read."""

    def __init__(self, file: "io.BufferedReader[Any]", num_bytes: int) -> None:
        self._file, self._num_bytes = file, num_bytes
        self.peek = file.peek  # with it the machine reads ahead
        self.readline = file.readline

    def _allow(self, wanted: int) -> None:
        left = self._num_bytes - self._file.tell()
        if wanted > left:
            raise EOFError(f"it is cut off, or gives a wrong length: {wanted} bytes are asked for and {left} are left")

    def read(self, size: int) -> bytes:
        self._allow(size)
        return self._file.read(size)

    def readinto(self, buffer: memoryview) -> int:
        self._allow(len(buffer))
        return self._file.readinto(buffer)


class _Unpickler(pickle.Unpickler):
    """The pickle machine, with nothing to call but the stand-ins."""

    def find_class(self, module: str, name: str) -> Any:
        stand_in = _names().get((module, name))
        if stand_in is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no dictionary of lists needs")
        return stand_in

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it refers to an object outside itself (a persistent id)")


class _Fixed:
    """Anything that a pickle may hold but not change."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        # without this method the machine would set attributes by itself
        raise pickle.UnpicklingError(f"it tries to change {type(self).__name__.strip('_')}")


class _ArrayType(_Fixed):
    """Stands for numpy.ndarray, which is only ever an argument."""

    __slots__ = ()


class _Function(_Fixed):
    """Stands for a function of numpy."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class _Dtype:
    """Stands for a dtype: its code, and after `__setstate__` its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not (code in ("O", "O4", "O8") or _PLAIN_CODE.fullmatch(code)):
            raise pickle.UnpicklingError(f"it holds an array whose type is {describe_value(code)}")
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        """Take (version, byte order, subarray, names, fields, sizes and flags); no parts, no metadata."""
        if type(state) is not tuple or len(state) != 8 or state[1] not in ("<", ">", "|", "=") or any(state[2:5]):
            raise pickle.UnpicklingError(f"it holds an array of a type with parts: {describe_value(state)}")
        self.order = state[1]

    def read(self, data: Any) -> list[Any]:
        """Return plain values of the bytes of an array."""
        if self.code.startswith("O") or type(data) is not bytes:
            raise ValueError(f"it holds an array of type {self.code} with a {type(data).__name__} as its values")
        kind = np.dtype(self.order + self.code)
        # NumPy holds characters as four bytes, and makes a SystemError of one that Unicode does not have
        if kind.kind == "U" and np.any(np.frombuffer(data, dtype=np.dtype(self.order + "u4")) > sys.maxunicode):
            raise ValueError("it holds text with a character that does not exist")
        values: list[Any] = np.frombuffer(data, dtype=kind).tolist()
        return values


class _Array:
    """Stands for an array: what numpy would be rebuilt from."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def value(self) -> Any:
        """Its values: one value, a list, or a list of lists."""
        if type(self.state) is not tuple or len(self.state) != 5:
            raise ValueError("it holds an array without values")
        _, shape, dtype, is_fortran, data = self.state
        if type(shape) is not tuple or len(shape) > 2 or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"it holds an array of shape {describe_value(shape)}")
        if type(dtype) is not _Dtype or (is_fortran and len(shape) > 1):
            raise ValueError("it holds an array of a type or order that numpy.save does not give dictionaries")
        flat = data if dtype.code.startswith("O") and type(data) is list else dtype.read(data)
        if len(flat) != math.prod(shape):
            raise ValueError(f"it holds an array of shape {describe_value(shape)} with {len(flat)} values")
        if not shape:
            return flat[0]
        return flat if len(shape) == 1 else [flat[row * shape[1] : (row + 1) * shape[1]] for row in range(shape[0])]


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    if type(kind) is not _ArrayType or shape != (0,) or code not in (b"b", "b"):
        raise pickle.UnpicklingError("it rebuilds an array in a way that numpy does not")
    return _Array()


def _scalar(dtype: Any, data: Any) -> Any:
    if type(dtype) is not _Dtype:
        raise pickle.UnpicklingError("it holds a number without a type")
    (value,) = dtype.read(data)
    return value


def _encode(text: Any, encoding: Any) -> bytes:
    """Return bytes as pickles of protocol 2 spell them."""
    if type(text) is not str or encoding != "latin1":
        raise pickle.UnpicklingError("it encodes text in a way that pickle does not")
    return text.encode("latin1")


def _names() -> dict[tuple[str, str], Any]:
    """Return all that a file may ask for."""
    functions = {("_codecs", "encode"): _Function(_encode), ("numpy", "dtype"): _Function(_Dtype)}
    for module in _MULTIARRAY:
        functions |= {(module, "_reconstruct"): _Function(_reconstruct), (module, "scalar"): _Function(_scalar)}
    return functions | {("numpy", "ndarray"): _ArrayType()}


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
    if type(value) is _Array:
        value = value.value()
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


def describe_value(value: Any) -> str:
    """Return a short text for a message; of containers and whole numbers, which may be huge, the type alone."""
    return (
        repr(value)[:60] if type(value) in (str, float, bool) else f"a value of type {type(value).__name__.strip('_')}"
    )
