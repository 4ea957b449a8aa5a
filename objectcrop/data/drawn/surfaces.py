"""Surfaces of drawn scenes: grey, seamless tiles of twelve patterns that name classes and six grounds that name none.

A tile is made once per process; an instance is a piece of it at its own scale, angle, shear and place. Patterns repeat
every `CELL` pixels of the tile. Tiles depend on no seed of a study.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.runtime.randomness import generator

TILE = 512
CELLS = 8
CELL = TILE // CELLS
NUM_VARIANTS = 2
"""Tiles of each pattern: the same rule with other irregularities."""

Plane = NDArray[np.floating]
Grey = NDArray[np.uint8]
_LEVELS = 5


@dataclass(frozen=True)
class Cut:
    """Where and how a piece is cut out of a tile.

    Attributes:
        surface: a name of `PATTERNS` or `GROUNDS`.
        variant: which of its tiles.
        scale: pixels of the tile per pixel of the piece.
        angle_degrees: of the pattern in the image.
        shear: 0 leaves the pattern's proportions.
        phase: where the piece starts, in shares of the tile.
    """

    surface: str
    variant: int
    scale: float
    angle_degrees: float
    shear: float
    phase: tuple[float, float]


def cut(piece: Cut, width: int, height: int) -> Grey:
    """Return the piece's grey values, shape (height, width)."""
    level = int(np.clip(np.floor(np.log2(max(piece.scale, 1e-6))), 0, _LEVELS - 1))
    tile = _pyramid(piece.surface, piece.variant)[level]
    scale = piece.scale / 2**level
    angle = np.radians(piece.angle_degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    x, y = piece.phase[0] * len(tile), piece.phase[1] * len(tile)
    matrix = np.array([[cos, sin + cos * piece.shear, x], [-sin, cos - sin * piece.shear, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(tile, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP), np.uint8)


@cache
def _pyramid(surface: str, variant: int) -> list[Grey]:
    """Return the tile at 1, 1/2, 1/4 ... of its side, so that a small instance is not aliased."""
    make = PATTERNS.get(surface) or GROUNDS[surface]
    plane = make(generator(0, "drawn", "surface", surface, variant))
    tile = np.round(255 * np.clip(plane, 0, 1)).astype(np.uint8)
    return [
        np.asarray(cv2.resize(tile, (TILE >> level, TILE >> level), interpolation=cv2.INTER_AREA), np.uint8)
        for level in range(_LEVELS)
    ]


def _noise(rng: np.random.Generator, size: float | tuple[float, float], *, roughness: float = 0.0) -> Plane:
    """Return seamless noise of mean 0 and deviation 1.

    Args:
        rng: of the tile.
        size: of its features, in cells; (across, down) if they differ.
        roughness: 0 for features of that one size; 1 and more for detail of every smaller size too (spectrum 1/f**).
    """
    across, down = size if isinstance(size, tuple) else (size, size)
    u = (np.fft.rfftfreq(TILE)[None, :] * CELL * across).astype(np.float32)
    v = (np.fft.fftfreq(TILE)[:, None] * CELL * down).astype(np.float32)
    frequency = np.hypot(u, v)
    gain = np.exp(-((2 * frequency) ** 2)) if roughness == 0 else 1 / (0.25 + frequency) ** (2 / roughness)
    gain[0, 0] = 0
    plane = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE), dtype=np.float32)) * gain, s=(TILE, TILE))
    return np.asarray(plane / plane.std(), dtype=np.float32)


def _grid(rng: np.random.Generator, *, wobble: float = 0.06) -> tuple[Plane, Plane]:
    """Return coordinates in cells, slightly bent as on a real surface."""
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / CELL
    return x + wobble * _noise(rng, 2.0), y + wobble * _noise(rng, 2.0)


def _soft(signed: Plane, softness: float = 0.06) -> Plane:
    """Return 1 where `signed` is above 0, 0 below, with a soft edge."""
    return np.asarray(np.clip(0.5 + signed / (2 * softness), 0, 1))


def _grained(plane: Plane, rng: np.random.Generator, strength: float = 0.05) -> Plane:
    return np.asarray(0.08 + 0.84 * plane + strength * _noise(rng, 0.15))


def _striped(rng: np.random.Generator) -> Plane:
    x, _ = _grid(rng)
    return _grained(_soft(np.sin(2 * np.pi * x), 0.25), rng)


def _checked(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.03)
    return _grained(_soft(np.sin(np.pi * x) * np.sin(np.pi * y), 0.1), rng)


def _dotted(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng)
    x = x + 0.5 * (np.floor(y) % 2)
    return _grained(_soft(0.3 - np.hypot(x % 1 - 0.5, y % 1 - 0.5)), rng)


def _ringed(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.03)
    distance = np.hypot(x % 2 - 1, y % 2 - 1)
    return _grained(_soft(np.cos(2 * np.pi * 2 * distance), 0.3), rng)


def _bricked(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.02)
    row = np.floor(y)
    along = x + row % 2
    to_joint = np.minimum(np.minimum(along % 2, 2 - along % 2), np.minimum(y % 1, 1 - y % 1))
    tones = rng.uniform(0.55, 1.0, (CELLS, CELLS // 2)).astype(np.float32)
    tone = tones[row.astype(int) % CELLS, (along // 2).astype(int) % (CELLS // 2)]
    return _grained(tone * _soft(to_joint - 0.11), rng)


def _woven(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.03)
    across = (np.floor(x) + np.floor(y)) % 2 == 0
    threads, along = np.where(across, y, x), np.where(across, x, y)
    return _grained(np.sin(3 * np.pi * (threads % 1)) ** 2 * np.sin(np.pi * (along % 1)) ** 0.5, rng)


def _speckled(rng: np.random.Generator) -> Plane:
    return _grained(_soft(_noise(rng, 0.35) - 0.9, 0.3), rng)


def _grained_wood(rng: np.random.Generator) -> Plane:
    x, _ = _grid(rng)
    bent = x + 0.55 * _noise(rng, (1.2, 4.0))
    return _grained(0.5 + 0.5 * np.sin(2 * np.pi * bent) ** 3 + 0.1 * _noise(rng, (0.1, 2.0)), rng)


def _scaly(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.03)
    row = np.floor(2 * y)
    down = (2 * y) % 1 / 2
    here = np.hypot((x + row % 2 / 2) % 1 - 0.5, down)
    above = np.hypot((x + (row + 1) % 2 / 2) % 1 - 0.5, down + 0.5)
    return _grained(np.where(here < 0.5, 1 - (2 * here) ** 3, 1 - np.minimum(above / 1.0, 1) ** 3), rng)


def _zigzag(rng: np.random.Generator) -> Plane:
    x, y = _grid(rng, wobble=0.04)
    tooth = np.abs(x % 2 - 1)
    return _grained(_soft(np.sin(2 * np.pi * (y + 0.9 * tooth)), 0.25), rng)


def _blotched(rng: np.random.Generator) -> Plane:
    return _grained(_soft(_noise(rng, 1.5) + 0.3 * _noise(rng, 0.5), 0.15), rng)


def _cracked(rng: np.random.Generator) -> Plane:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / CELL
    seeds = rng.uniform(0.1, 0.9, (CELLS, CELLS, 2)).astype(np.float32)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    near = []
    for step_down in (-1, 0, 1):
        for step_across in (-1, 0, 1):
            at = seeds[(row + step_down) % CELLS, (column + step_across) % CELLS]
            near.append(np.hypot(column + step_across + at[..., 0] - x, row + step_down + at[..., 1] - y))
    first, second = np.partition(np.stack(near), 1, axis=0)[:2]
    return _grained(_soft(second - first - 0.13), rng)


def _cloudy(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.2 * _noise(rng, 3.0, roughness=1.0)


def _grassy(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.16 * _noise(rng, (0.15, 1.5)) + 0.08 * _noise(rng, 3.0)


def _sandy(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.08 * _noise(rng, 0.08) + 0.1 * _noise(rng, 4.0, roughness=0.8)


def _stony(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.16 * np.abs(_noise(rng, 1.0, roughness=1.6)) * np.sign(_noise(rng, 2.0))


def _brushed(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.14 * _noise(rng, (4.0, 0.12)) + 0.08 * _noise(rng, 3.0)


def _plastered(rng: np.random.Generator) -> Plane:
    return 0.5 + 0.05 * _noise(rng, 0.3, roughness=1.2) + 0.06 * _noise(rng, 5.0)


PATTERNS: dict[str, Callable[[np.random.Generator], Plane]] = {
    "striped": _striped,
    "checked": _checked,
    "dotted": _dotted,
    "ringed": _ringed,
    "bricked": _bricked,
    "woven": _woven,
    "speckled": _speckled,
    "wooden": _grained_wood,
    "scaly": _scaly,
    "zigzag": _zigzag,
    "blotched": _blotched,
    "cracked": _cracked,
}
"""Patterns that distinguish classes."""

GROUNDS: dict[str, Callable[[np.random.Generator], Plane]] = {
    "cloudy": _cloudy,
    "grassy": _grassy,
    "sandy": _sandy,
    "stony": _stony,
    "brushed": _brushed,
    "plastered": _plastered,
}
"""What backgrounds and clutter are made of."""
