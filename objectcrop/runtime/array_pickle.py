"""Read pickles of arrays without running anything that they ask for.

A pickle is a program: it may import and call anything. Here it finds the names that a pickled array has, under the module
names of numpy 1 and numpy 2, and none of them is numpy's: each is a stand-in that only notes its arguments. Whoever reads a
file checks afterwards what it holds.
"""

import io
import math
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_PLAIN_CODE = re.compile(r"b1|[iu][1248]|f[248]|U[1-9]\d{0,3}")
_NUMBER_CODE = re.compile(r"b1|[iu][1248]|f[248]")


class ArrayUnpickler(pickle.Unpickler):
    """The pickle machine, with nothing to call but stand-ins: arrays come as `StoredArray`, numbers of numpy as values.

    Args:
        file: of the pickle; other bytes may stand before it.
        num_bytes: of the file.
        purpose: what no other name is needed for, for messages: "no dictionary of lists needs".
        encoding: of texts that Python 2 wrote.
        more: further stand-ins by module and name; they must not be able to do harm.
    """

    def __init__(
        self,
        file: "io.BufferedReader[Any]",
        num_bytes: int,
        purpose: str,
        *,
        encoding: str = "ASCII",
        more: Mapping[tuple[str, str], Callable[..., Any]] | None = None,
    ) -> None:
        super().__init__(_Bounded(file, num_bytes), encoding=encoding)
        self._purpose = purpose
        self._names = _names() | {key: _Function(made) for key, made in (more or {}).items()}

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name.

        Raises:
            pickle.UnpicklingError: if there is none.
        """
        stand_in = self._names.get((module, name))
        if stand_in is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which {self._purpose}")
        return stand_in

    def persistent_load(self, pid: Any) -> NoReturn:
        """Reject objects outside the file."""
        raise pickle.UnpicklingError("it refers to an object outside itself (a persistent id)")


class StoredArray:
    """Stands for an array: what numpy would be rebuilt from."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def plain(self) -> Any:
        """Return its values: one value, a list, or a list of lists.

        Raises:
            ValueError: if it has more axes, or its bytes are not those of an array.
        """
        shape, dtype, is_fortran, data = self._parts()
        if len(shape) > 2:
            raise ValueError(f"it holds an array of shape {describe_value(shape)}")
        if is_fortran and len(shape) > 1:
            raise ValueError("it holds an array of a type or order that numpy.save does not give dictionaries")
        flat = data if dtype.code.startswith("O") and type(data) is list else dtype.read(data).tolist()
        self._check_count(flat, shape)
        if not shape:
            return flat[0]
        return flat if len(shape) == 1 else [flat[row * shape[1] : (row + 1) * shape[1]] for row in range(shape[0])]

    def array(self) -> NDArray[Any]:
        """Return it as an array of numbers, of the machine's byte order.

        Raises:
            ValueError: if it holds something else than numbers, or its bytes are not those of an array.
        """
        shape, dtype, is_fortran, data = self._parts()
        if not _NUMBER_CODE.fullmatch(dtype.code):
            raise ValueError(f"it holds an array of type {dtype.code}, expected numbers")
        flat = dtype.read(data)
        self._check_count(flat, shape)
        return flat.astype(flat.dtype.newbyteorder("="), copy=True).reshape(shape, order="F" if is_fortran else "C")

    def _parts(self) -> tuple[tuple[int, ...], "_Dtype", bool, Any]:
        if type(self.state) is not tuple or len(self.state) != 5:
            raise ValueError("it holds an array without values")
        _, shape, dtype, is_fortran, data = self.state
        if type(shape) is not tuple or len(shape) > 32 or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"it holds an array of shape {describe_value(shape)}")
        if type(dtype) is not _Dtype:
            raise ValueError("it holds an array of a type or order that numpy.save does not give dictionaries")
        return shape, dtype, bool(is_fortran), data

    def _check_count(self, flat: Any, shape: tuple[int, ...]) -> None:
        if len(flat) != math.prod(shape):
            raise ValueError(f"it holds an array of shape {describe_value(shape)} with {len(flat)} values")


def named_stand_ins() -> list[tuple[Any, str]]:
    """Return stand-ins, each with the full name that a file asks for, for a machine that takes such a list (torch.load's)."""
    made = [(stand_in, f"{module}.{name}") for (module, name), stand_in in _names().items()]
    # it changes only what is an instance of something on the list
    return [(_Dtype, "numpy.dtype") if name == "numpy.dtype" else (value, name) for value, name in made] + [
        (StoredArray, f"{__name__}.StoredArray")
    ]


def describe_value(value: Any) -> str:
    """Return a short text for a message; of containers and whole numbers, which may be huge, the type alone."""
    return (
        repr(value)[:60] if type(value) in (str, float, bool) else f"a value of type {type(value).__name__.strip('_')}"
    )


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
    """Stands for a function."""

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

    def read(self, data: Any) -> NDArray[Any]:
        """Return the bytes of an array as values in a row."""
        if self.code.startswith("O") or not isinstance(data, bytes | bytearray | str):
            raise ValueError(f"it holds an array of type {self.code} with a {type(data).__name__} as its values")
        if isinstance(data, str):  # bytes of Python 2, read as latin1
            data = data.encode("latin1")
        kind = np.dtype(self.order + self.code)
        # NumPy holds characters as four bytes, and makes a SystemError of one that Unicode does not have
        if kind.kind == "U" and np.any(np.frombuffer(data, dtype=np.dtype(self.order + "u4")) > 0x10FFFF):
            raise ValueError("it holds text with a character that does not exist")
        return np.frombuffer(data, dtype=kind)


def _reconstruct(kind: Any, shape: Any, code: Any) -> StoredArray:
    if type(kind) is not _ArrayType or shape != (0,) or code not in (b"b", "b"):
        raise pickle.UnpicklingError("it rebuilds an array in a way that numpy does not")
    return StoredArray()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> StoredArray:
    """Return an array as pickles of protocol 5 spell it."""
    stored = StoredArray()
    stored.state = (1, shape, dtype, order == "F", data)
    return stored


def _scalar(dtype: Any, data: Any) -> Any:
    if type(dtype) is not _Dtype:
        raise pickle.UnpicklingError("it holds a number without a type")
    (value,) = dtype.read(data).tolist()
    return value


def _encode(text: Any, encoding: Any) -> bytes:
    """Return bytes as pickles of protocol 2 spell them."""
    if type(text) is not str or encoding != "latin1":
        raise pickle.UnpicklingError("it encodes text in a way that pickle does not")
    return text.encode("latin1")


def _names() -> dict[tuple[str, str], Any]:
    """Return all that a pickled array may ask for."""
    functions = {("_codecs", "encode"): _Function(_encode), ("numpy", "dtype"): _Function(_Dtype)}
    for module in _MULTIARRAY:
        functions |= {(module, "_reconstruct"): _Function(_reconstruct), (module, "scalar"): _Function(_scalar)}
    functions |= {(module, "_frombuffer"): _Function(_from_buffer) for module in _NUMERIC}
    return functions | {("numpy", "ndarray"): _ArrayType()}
