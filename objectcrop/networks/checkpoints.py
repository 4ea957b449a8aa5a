"""Files of other projects as tensors by their path in the file; no code of a file runs."""

import argparse
import io
import pickle
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from objectcrop.networks.safetensors import read_safetensors
from objectcrop.runtime.array_pickle import ArrayUnpickler, StoredArray, named_stand_ins
from objectcrop.runtime.memory import memory_limit

_FOREIGN = re.compile(r"GLOBAL (\S+) (?:was not an allowed|whose module)")
"""How `torch.load` names the class or function that it does not allow."""
_FAULTS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pickle machines raise on a damaged program, and torch on a damaged archive; too deep a file is a RuntimeError."""

_HARMLESS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): dict,
    ("__builtin__", "bytes"): lambda: b"",
}
"""What dictionaries, and empty arrays in pickles of protocol 2, ask for beside arrays."""

_LIMIT_BYTES, _LIMIT_PER_FILE_BYTE = 256 * 2**20, 8
"""A pickle of arrays may take as much memory and this many times its size; a damaged one asks for any amount."""


class Checkpoint(NamedTuple):
    """What a file holds.

    Attributes:
        tensors: by their path: keys of dictionaries and places in lists, joined by dots.
        values: paths of what is no tensor: epochs, settings, versions.
    """

    tensors: dict[str, Tensor]
    values: tuple[str, ...] = ()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file of weights: `.safetensors`, Detectron2's `.pkl` of arrays, or anything else of `torch.save`.

    Beside tensors a file of `torch.save` may hold plain values, numpy's too, and an `argparse.Namespace`; a `.pkl` holds
    arrays and plain values.

    Raises:
        ValueError: naming the file, and the class if it holds another one, or if it holds no tensors.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return Checkpoint(read_safetensors(path))
    loaded = read_arrays(path) if path.suffix == ".pkl" else _read_pickled(path)
    tensors: dict[str, Tensor] = {}
    values: list[str] = []
    for name, value in _leaves(loaded):
        if not isinstance(value, Tensor):
            values.append(name)
        elif name in tensors:
            raise ValueError(
                f"{path}: two tensors have the path {name!r}; expected names without dots that hide folders"
            )
        else:
            tensors[name] = value.detach()
    if not tensors:
        raise ValueError(f"{path}: it holds no tensors by name, expected weights (a state_dict)")
    return Checkpoint(tensors, tuple(values))


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        items: Any = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        yield name, value
        return
    for key, part in items:
        yield from _leaves(part, f"{name}.{key}" if name else str(key))


def _read_pickled(path: Path) -> Any:
    with path.open("rb") as file:  # a file that is not there is no damage
        try:
            # training scripts store arguments so (a Namespace holds values and runs no code), and rates as numpy's numbers
            with torch.serialization.safe_globals([argparse.Namespace, *named_stand_ins()]):
                return _with_tensors(torch.load(file, map_location="cpu", weights_only=True))
        except _FAULTS as error:
            foreign = _FOREIGN.search(str(error))
            if foreign is None:
                raise ValueError(
                    f"{path}: it is not a checkpoint of torch.save, or damaged, or not one that can be read without running "
                    "its code; expected a state_dict: get the file again"
                ) from error
            raise ValueError(
                f"{path}: it holds {foreign[1][:200]}, expected only tensors, plain values and argparse.Namespace, which are read "
                "without running code of the file; if you trust its source, load it with torch.load(..., weights_only=False) "
                "in an environment that you trust and save the state_dict alone with torch.save"
            ) from error


def read_arrays(path: Path) -> Any:
    """Read a pickle of arrays and plain values, as tensors and plain values, without running anything that it asks for.

    Raises:
        ValueError: naming the file, if it is damaged or holds something else.
    """
    with io.BufferedReader(io.FileIO(path)) as file:
        try:
            size = path.stat().st_size
            unpickler = ArrayUnpickler(file, size, "no file of arrays needs", encoding="latin1", more=_HARMLESS)
            with memory_limit(_LIMIT_BYTES + _LIMIT_PER_FILE_BYTE * size):
                return _with_tensors(unpickler.load())
        except _FAULTS as error:
            reason = " ".join(str(error).split())[:500] or type(error).__name__
            raise ValueError(
                f"{path}: {reason}; expected a pickle of arrays and plain values, as Detectron2 reads: get the file again"
            ) from error


def _with_tensors(value: Any) -> Any:
    if isinstance(value, StoredArray):
        array = value.array()
        wide = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}.get(array.dtype.name)
        return torch.from_numpy(array if wide is None else array.astype(wide))
    if isinstance(value, dict):
        return {key: _with_tensors(part) for key, part in value.items()}
    return [_with_tensors(part) for part in value] if isinstance(value, list | tuple) else value
