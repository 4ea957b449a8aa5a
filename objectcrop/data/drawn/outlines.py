"""Outlines of drawn objects: twelve families that name classes, and blobs and strokes that name none.

An outline is a closed polygon, shape (points, 2), x to the right and y down, about the origin; its size means nothing
until `placed` scales it. Every call draws another member of the family.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
_ANGLES = np.linspace(0, 2 * np.pi, 72, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def shaped(outline: str, rng: np.random.Generator) -> Points:
    """Return a member of a family of `OUTLINES`, or a `"blob"`: varied, squeezed by up to a quarter and rotated a little.

    Objects stay within some 15 degrees of upright, as things in natural images do.
    """
    make = OUTLINES.get(outline, _blob)
    squeeze = np.exp(rng.uniform(-0.25, 0.25))
    turn = np.radians(np.clip(rng.normal(0, 12), -35, 35))
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(make(rng) * [squeeze, 1 / squeeze] @ np.array([[cos, sin], [-sin, cos]]))


def stroke(rng: np.random.Generator) -> Points:
    """Return a bent band, as a twig or a cable."""
    along = np.linspace(-1, 1, 16)
    bend = rng.uniform(-0.5, 0.5) * along**2 + rng.uniform(-0.3, 0.3) * along**3
    half = rng.uniform(0.03, 0.08) * (1 - 0.5 * along**2)
    band = np.concatenate([np.stack([along, bend - half], 1), np.stack([along, bend + half], 1)[::-1]])
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(band @ np.array([[cos, sin], [-sin, cos]]))


def scaled(points: Points, *, box_area: float, max_width: float, max_height: float) -> Points:
    """Return the outline with a box of `box_area` (or the largest that fits), its corner at the origin."""
    extent = np.ptp(points, axis=0)
    factor = min(np.sqrt(box_area / extent.prod()), max_width / extent[0], max_height / extent[1])
    return np.asarray((points - points.min(axis=0)) * factor)


def _superellipse(exponent: float) -> Points:
    return np.asarray(np.sign(_CIRCLE) * np.abs(_CIRCLE) ** (2 / exponent))


def _polar(radius: NDArray[np.float64]) -> Points:
    return np.asarray(_CIRCLE * radius[:, None])


def _corners(*corners: tuple[float, float]) -> Points:
    return np.array(corners, dtype=float)


def _disc(rng: np.random.Generator) -> Points:
    return _superellipse(rng.uniform(1.9, 2.2))


def _tile(rng: np.random.Generator) -> Points:
    return _superellipse(rng.uniform(6, 14))


def _triangle(rng: np.random.Generator) -> Points:
    tip = rng.uniform(-0.25, 0.25)
    return _corners((tip - 0.08, -1), (tip + 0.08, -1), (1, 0.85), (0.92, 1), (-0.92, 1), (-1, 0.85))


def _star(rng: np.random.Generator) -> Points:
    inner = rng.uniform(0.4, 0.52)
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radius = np.where(np.arange(10) % 2 == 0, 1.0, inner)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _cross(rng: np.random.Generator) -> Points:
    a = rng.uniform(0.3, 0.42)
    quarter = np.array([(a, -1), (a, -a), (1, -a)])
    rotated = [quarter @ np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), k) for k in range(4)]
    return np.concatenate(rotated)


def _crescent(rng: np.random.Generator) -> Points:
    horn = rng.uniform(0.2, 0.3) * np.pi
    outer = np.linspace(horn, 2 * np.pi - horn, 48)
    depth = rng.uniform(0.75, 1.0)
    inner = np.linspace(-np.pi / 2, np.pi / 2, 24)
    bite = np.stack([np.cos(horn) - depth * np.cos(inner), np.sin(horn) * np.sin(inner)], axis=1)
    return np.concatenate([np.stack([np.cos(outer), np.sin(outer)], axis=1), bite])


def _heart(rng: np.random.Generator) -> Points:
    t = _ANGLES
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - rng.uniform(4, 6) * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x / 16, y / 16], axis=1)


def _drop(rng: np.random.Generator) -> Points:
    power = rng.uniform(1.2, 1.8)
    x = np.sin(_ANGLES) * np.sin(_ANGLES / 2) ** power
    return np.stack([0.9 * x, -1.2 * np.cos(_ANGLES)], axis=1)


def _leaf(rng: np.random.Generator) -> Points:
    along = np.linspace(-1, 1, 32)
    half = rng.uniform(0.38, 0.5) * (1 - along**2)
    return np.concatenate([np.stack([along, -half], 1), np.stack([along, half], 1)[::-1]])


def _flower(rng: np.random.Generator) -> Points:
    return _polar(1 + rng.uniform(0.14, 0.24) * np.cos(int(rng.integers(6, 9)) * _ANGLES))


def _dome(rng: np.random.Generator) -> Points:
    arc = np.linspace(np.pi, 2 * np.pi, 40)
    foot = rng.uniform(0.1, 0.3)
    return np.concatenate([np.stack([np.cos(arc), np.sin(arc)], 1), [(1, foot), (-1, foot)]])


def _arrow(rng: np.random.Generator) -> Points:
    a, neck = rng.uniform(0.28, 0.4), rng.uniform(-0.1, 0.2)
    return _corners((0, -1), (1, neck), (a, neck), (a, 1), (-a, 1), (-a, neck), (-1, neck))


def _blob(rng: np.random.Generator) -> Points:
    radius = np.ones_like(_ANGLES)
    for order in range(2, 7):
        radius += rng.normal(0, 0.3 / order) * np.cos(order * _ANGLES + rng.uniform(0, 2 * np.pi))
    return _polar(np.maximum(radius, 0.3))


OUTLINES: dict[str, Callable[[np.random.Generator], Points]] = {
    "disc": _disc,
    "tile": _tile,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "crescent": _crescent,
    "heart": _heart,
    "drop": _drop,
    "leaf": _leaf,
    "flower": _flower,
    "dome": _dome,
    "arrow": _arrow,
}
"""Families that distinguish classes."""
