"""Files with flipped bytes, and what reading them leads to: equal content, or one sentence that names the file."""

import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

KINDS = ("one_bit", "four_bytes", "four_places")
"""A bit; four bytes in a row; four bytes, each anywhere."""
NEAR_BYTES = 512
"""From either end: where files keep headers and directories, which flips anywhere in a large file would seldom meet."""


class Outcomes(NamedTuple):
    """What flips led to."""

    equal: int
    rejected: int
    others: Counter[str]
    """Silent differences and exceptions of other kinds, or without the file's name; there should be none."""
    peak_bytes: int
    """Of memory that Python and NumPy took."""
    messages: list[str]


def flipped(data: bytes, rng: np.random.Generator, kind: str) -> bytes:
    """Return the bytes with some changed: a third of the times anywhere, a third near the start, a third near the end."""
    changed = bytearray(data)
    if kind == "one_bit":
        changed[_place(len(data), rng)] ^= 1 << int(rng.integers(8))
    elif kind == "four_bytes":
        first = min(_place(len(data), rng), len(data) - 4)
        for place in range(first, first + 4):
            changed[place] ^= int(rng.integers(1, 256))
    else:
        for place in rng.choice(len(data), 4, replace=False):
            changed[place] ^= int(rng.integers(1, 256))
    return bytes(changed)


def _place(length: int, rng: np.random.Generator) -> int:
    near = min(NEAR_BYTES, length)
    first, last = ((0, length), (0, near), (length - near, length))[rng.integers(3)]
    return int(rng.integers(first, last))


def outcomes(path: Path, read: Callable[[], object], kind: str, *, num_flips: int = 60, seed: int = 0) -> Outcomes:
    """Read a file again and again, each time with other bytes flipped, and put it back as it was.

    Args:
        path: of the file.
        read: reads all that is used of it.
        kind: one of KINDS.
        num_flips: how often.
        seed: of the flips.
    """
    data, rng = path.read_bytes(), np.random.default_rng(seed)
    expected = _plain(read())
    counts: Counter[str] = Counter()
    messages = []
    tracemalloc.start()
    try:
        for _ in range(num_flips):
            path.write_bytes(flipped(data, rng, kind))
            outcome, message = _outcome(path, read, expected)
            counts[outcome] += 1
            messages.append(message)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        path.write_bytes(data)
    assert _plain(read()) == expected
    return Outcomes(counts.pop("equal", 0), counts.pop("rejected", 0), counts, peak_bytes, messages)


def _outcome(path: Path, read: Callable[[], object], expected: object) -> tuple[str, str]:
    try:
        value = read()
    except ValueError as error:
        message = str(error)
        is_sentence = path.name in message and "\n" not in message
        return ("rejected" if is_sentence else f"unnamed {type(error).__name__}: {message}"), message
    except Exception as error:  # whatever it is, it is counted
        return f"{type(error).__name__}: {error}", str(error)
    return ("equal" if _plain(value) == expected else "silently different"), ""


def _plain(value: object) -> object:
    """Arrays, tensors and tables as what compares by `==`, types included."""
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), *_plain(value.reshape(-1).view(torch.uint8).numpy()), tuple(value.shape))
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, pd.DataFrame):
        return [(name, str(column.dtype), column.tolist()) for name, column in value.items()]
    if isinstance(value, Mapping):
        return [(name, _plain(item)) for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
