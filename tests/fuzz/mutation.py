"""Changes of files: bytes, pieces, and values of JSON."""

import json
from typing import Any

import numpy as np

PIECES = [
    b"nan",
    b"-1",
    b"1e999",
    b"Infinity",
    b"0",
    b"9" * 30,
    b"9" * 5000,
    b'"',
    b"[",
    b"{",
    b"}",
    b"]",
    b",",
    b"\n",
    b"<",
    b"&",
]
PIECES += [
    b"..",
    b"/",
    b"../../../etc/passwd",
    b"*a",
    b"&a ",
    b"\0" * 8,
    b"\xff" * 8,
    b"\xff\xfe",
    b"\xf0\x9f\x90\xb6",
    b"[" * 3000,
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    0.5,
    1e308,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    "",
    ".",
    "..",
    "/a",
    "\0",
]
VALUES += ["a" * 5000, "\ud800", [], {}, [[]], [1, 2, 3, 4], {"a": 1}]


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Return changed content: a value of it if it is JSON, half of the times, else one to four pieces of its bytes."""
    if data[:1] in b"[{" and rng.integers(2):
        value = json.loads(data)
        for _ in range(int(rng.integers(1, 4))):
            value = _with_other_value(value, rng)
        return json.dumps(value).encode()
    content = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        _change(content, rng)
    return bytes(content)


def _with_other_value(value: Any, rng: np.random.Generator) -> Any:
    """Replace, remove or repeat something anywhere in a value."""
    places = list(_places(value))
    if not places:
        return _any(rng)
    holder, key = places[int(rng.integers(len(places)))]
    kind = int(rng.integers(6))
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.append(holder[key])
    else:
        holder[key] = _any(rng)
    return value


def _places(value: Any) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(entries):
        yield value, key
        yield from _places(part)


def _any(rng: np.random.Generator) -> Any:
    return json.loads(json.dumps(VALUES[int(rng.integers(len(VALUES)))]))  # a copy: it can be changed again


def _change(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content) + 1))
    end = min(len(content), start + int(rng.choice([1, 4, 30, 500])))
    kind = int(rng.integers(7))
    if kind == 0:
        del content[start:]  # cut off
    elif kind == 1:
        del content[start:end]
    elif kind == 2:
        content[start:start] = content[start:end]
    elif kind == 3:
        content[start:start] = PIECES[int(rng.integers(len(PIECES)))]
    elif kind == 4:
        piece = PIECES[int(rng.integers(len(PIECES)))]
        content[start : start + len(piece)] = piece
    elif start < len(content):
        content[start] ^= 1 << int(rng.integers(8)) if kind == 5 else int(rng.integers(1, 256))
