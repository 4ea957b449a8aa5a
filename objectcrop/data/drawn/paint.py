"""The image of a planned scene: ground, things with shadow and shading, light, lens and sensor."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.data.drawn.plan import Layout, Thing, ground_cut, windows
from objectcrop.data.drawn.surfaces import GROUNDS, Grey, cut
from objectcrop.data.drawn.waves import waves
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset

_CONTRAST = 85.0  # least distance of an object's two colours in brightness, of 255
_SHADOW = 0.45
_LUMA = np.array([0.114, 0.587, 0.299])
_NOISE_SIDE = 1024

ImageArray = NDArray[np.uint8]


def paint_scene(settings: DrawnDataset, scene_type: int, layout: Layout, rng: np.random.Generator) -> ImageArray:
    """Return the scene as 8-bit BGR, shape (height, width, 3)."""
    light = rng.uniform(0, 2 * np.pi)
    is_unique = settings.background == "unique"
    image = waves(settings.width_px, settings.height_px, rng) if is_unique else _ground(settings, scene_type, rng)
    for thing in layout.things:
        _paint(image, thing, light, rng)
    return _develop(image, rng)


def _ground(settings: DrawnDataset, scene_type: int, rng: np.random.Generator) -> ImageArray:
    """Return a wall and a floor, out of focus."""
    width, height = settings.width_px, settings.height_px
    horizon = int(height * np.clip(rng.normal(0.45, 0.2), 0, 0.9))
    image = np.empty((height, width, 3), np.uint8)
    for rows in (slice(0, horizon), slice(horizon, height)):
        count = rows.stop - rows.start
        if count:
            grey = cut(ground_cut(scene_type, settings, rng), width, count)
            image[rows] = _coloured(grey, *_ground_colours(rng))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.6))), np.uint8)


def _paint(image: ImageArray, thing: Thing, light: float, rng: np.random.Generator) -> None:
    """Put a thing into the image, in place."""
    in_scene, in_mask = windows(thing.left, thing.top, thing.coverage.shape, image.shape)
    side = float(np.sqrt(thing.coverage.size))
    _shade_under(image, thing, light, side)
    whole_height, whole_width = thing.coverage.shape
    grey = cut(thing.surface, whole_width, whole_height)[in_mask]
    colours = _ground_colours(rng) if thing.surface.surface in GROUNDS else _object_colours(rng)
    surface = cv2.multiply(_coloured(grey, *colours), _relief(thing, light, side, rng)[in_mask], scale=1 / 200)
    cover = thing.coverage[in_mask].astype(np.float32) * np.float32(1 / 255)
    below = image[in_scene]
    image[in_scene] = cv2.blendLinear(surface, below, cover, 1 - cover)


def _shade_under(image: ImageArray, thing: Thing, light: float, side: float) -> None:
    """Darken what is behind a thing on the side away from the light."""
    reach = max(1, round(0.06 * side))
    blur = 2 * reach + 1
    padded = cv2.copyMakeBorder(thing.coverage, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    left = thing.left - reach - round(reach * np.cos(light))
    top = thing.top - reach - round(reach * np.sin(light))
    shadow = cv2.blur(padded, (blur, blur))
    in_scene, in_shadow = windows(left, top, shadow.shape, image.shape)
    kept = cv2.convertScaleAbs(shadow[in_shadow], alpha=-_SHADOW, beta=255)
    if kept is not None:  # None: it falls outside the scene
        image[in_scene] = cv2.multiply(image[in_scene], cv2.merge([kept, kept, kept]), scale=1 / 255)


def _relief(thing: Thing, light: float, side: float, rng: np.random.Generator) -> ImageArray:
    """Return how bright each pixel of a thing is lit: lighter towards the light, darker at the rim. 200 leaves it as it is."""
    height, width = thing.coverage.shape
    tilt = float(rng.uniform(20, 80))
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(tilt * np.cos(light))
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(tilt * np.sin(light))
    radius = 2 * max(1, round(0.09 * side)) + 1
    rim = cv2.blur(thing.coverage, (radius, radius), borderType=cv2.BORDER_CONSTANT)
    slope = np.add.outer(down + np.float32(128), across).astype(np.uint8)
    grey = cv2.addWeighted(rim, 0.35, slope, 1.0, float(rng.uniform(95, 125)) - 128)
    return np.asarray(cv2.merge([grey, grey, grey]), np.uint8)


def _develop(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Apply uneven light with a tint, the lens's softness and the sensor's noise."""
    height, width = image.shape[:2]
    tint = rng.uniform(0.92, 1.08, 3)
    coarse = np.clip(rng.normal(1, 0.16, (3, 4, 1)) * tint * 190, 60, 255).astype(np.uint8)
    gain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    image = np.asarray(cv2.multiply(image, gain, scale=1 / 190), np.uint8)
    image = np.asarray(cv2.GaussianBlur(image, (3, 3), float(rng.uniform(0.35, 0.75))), np.uint8)
    grain = _noise_around_128(max(_NOISE_SIDE, max(height, width) + 256))
    top, left = int(rng.integers(len(grain) - height)), int(rng.integers(len(grain) - width))
    piece = grain[top : top + height, left : left + width]
    strength = float(rng.uniform(0.1, 0.35))
    return np.asarray(cv2.addWeighted(image, 1.0, piece, strength, -128 * strength), np.uint8)


@cache
def _noise_around_128(side: int) -> ImageArray:
    rng = generator(0, "drawn", "sensor noise")
    plane = rng.normal(0, 24, (side, side, 3)) + rng.normal(0, 16, (side, side, 1))
    return np.clip(np.round(128 + plane), 0, 255).astype(np.uint8)


def _coloured(grey: Grey, dark: NDArray[np.float64], light: NDArray[np.float64]) -> ImageArray:
    """Map grey values to the colours between two."""
    share = np.linspace(0, 1, 256)[:, None]
    table = np.round(dark + share * (light - dark)).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(cv2.merge([grey, grey, grey]), table), np.uint8)


def _object_colours(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two random colours of different brightness, in random order; they say nothing of the class."""
    pairs = rng.uniform(10, 245, (24, 2, 3))
    apart = np.abs((pairs[:, 0] - pairs[:, 1]) @ _LUMA) >= _CONTRAST
    chosen = pairs[int(np.argmax(apart))]
    return chosen[0], chosen[1]


def _ground_colours(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two muted colours of one hue."""
    middle = rng.uniform(60, 190) + rng.uniform(-35, 35, 3)
    half = rng.uniform(25, 60) * rng.uniform(0.8, 1.2, 3)
    return np.clip(middle - half, 0, 255), np.clip(middle + half, 0, 255)
