"""Backgrounds that name their scene: a field of waves which no other scene has."""

import cv2
import numpy as np
from numpy.typing import NDArray

NUM_WAVES = 5
SHORTEST_WAVE, LONGEST_WAVE = 0.06, 0.3
"""Wavelengths, in shares of the scene's longer side."""
_LUMA = np.array([0.114, 0.587, 0.299])
_STEP = 50.0
"""Least distance of the brightness of neighbouring colours, of 255, so that the field is there without hues."""


def waves(width_px: int, height_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a field as 8-bit BGR, shape (height, width, 3): plane waves, summed and coloured by three strong colours.

    Directions, wavelengths, phases, weights and colours are drawn for the scene alone. So any larger part of a field shows
    which scene it is from, and nothing of it depends on classes or types of scene.
    """
    longer = max(width_px, height_px)
    angles = rng.uniform(0, np.pi, NUM_WAVES)
    lengths = longer * np.exp(rng.uniform(np.log(SHORTEST_WAVE), np.log(LONGEST_WAVE), NUM_WAVES))
    phases = rng.uniform(0, 2 * np.pi, NUM_WAVES)
    weights = rng.uniform(0.5, 1.0, NUM_WAVES)
    x, y = np.arange(width_px)[None, :], np.arange(height_px)[:, None]
    field = np.zeros((height_px, width_px))
    for angle, length, phase, weight in zip(angles, lengths, phases, weights, strict=True):
        # a wave is a product of one along rows and one along columns, in complex numbers
        across = np.exp(2j * np.pi * np.cos(angle) / length * x + 1j * phase)
        field += weight * (np.exp(2j * np.pi * np.sin(angle) / length * y) * across).imag
    share = np.clip(0.5 + field / weights.sum(), 0, 1)
    grey = np.round(255 * share).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([grey, grey, grey]), _table(rng)[None]), np.uint8)


def _table(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the colour of each grey value, shape (256, 3): from the first of three colours to the second to the third."""
    triples = rng.uniform(0, 255, (64, 3, 3))
    brightness = np.sort(triples @ _LUMA, axis=1)
    apart = np.diff(brightness, axis=1).min(axis=1) >= _STEP
    colours = triples[int(np.argmax(apart))]
    places = np.linspace(0, 2, 256)
    table = np.stack([np.interp(places, [0, 1, 2], colours[:, channel]) for channel in range(3)], axis=1)
    return np.round(table).astype(np.uint8)
