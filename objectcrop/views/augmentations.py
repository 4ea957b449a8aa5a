"""Colours, blur and flips of each method's authors: what is drawn, with which probabilities."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from objectcrop.study.settings.views import Augmentation, ViewSettings

FLIP_PROBABILITY = 0.5

Interpolation = Literal["linear", "area", "bicubic"]
"""How crops are resized: see `render.resize`."""


@dataclass(frozen=True)
class ColorTransform:
    """Colours and sharpness of a view, in the order they are applied.

    Attributes:
        jitter: (name, value) of brightness, contrast, saturation (factors) and hue (share of a turn) in the drawn order;
            empty if the view is not jittered.
        is_gray: whether colour is dropped.
        blur_sigma: standard deviation of the Gaussian blur in pixels of a view of side 224; 0 is none.
        is_gray_first: whether colour is dropped before the jitter, not after it.
        is_solarised: whether values of 128 and more are inverted, at the end.
    """

    jitter: tuple[tuple[str, float], ...] = ()
    is_gray: bool = False
    blur_sigma: float = 0.0
    is_gray_first: bool = False
    is_solarised: bool = False


JITTER_STEPS = ("brightness", "contrast", "saturation", "hue")
PLAIN = ColorTransform()
"""Colours and sharpness as they are."""


@dataclass(frozen=True)
class AugmentationRanges:
    """Probabilities and ranges of an augmentation.

    Attributes:
        jitter: half ranges of brightness, contrast, saturation (around 1) and hue (around 0, share of a turn).
        jitter_probability: of the jitter as a whole; its steps are shuffled.
        gray_probability: of dropping colour.
        blur_probability: of the blur.
        solarise_probability: of the inversion.
        is_gray_first: see `ColorTransform`.
    """

    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    jitter_probability: float = 0.0
    gray_probability: float = 0.0
    blur_probability: float = 0.0
    solarise_probability: float = 0.0
    is_gray_first: bool = False


_MOCO_V2 = AugmentationRanges((0.4, 0.4, 0.4, 0.1), 0.8, gray_probability=0.2, blur_probability=0.5)
_MOCO_V1 = AugmentationRanges((0.4, 0.4, 0.4, 0.4), 1.0, gray_probability=0.2, is_gray_first=True)
_BYOL_QUERY = AugmentationRanges((0.4, 0.4, 0.2, 0.1), 0.8, gray_probability=0.2, blur_probability=1.0)
_BYOL_KEY = AugmentationRanges(
    (0.4, 0.4, 0.2, 0.1), 0.8, gray_probability=0.2, blur_probability=0.1, solarise_probability=0.2
)
_SWAV = AugmentationRanges((0.8, 0.8, 0.8, 0.2), 0.8, gray_probability=0.2, blur_probability=0.5)

AUGMENTATIONS: dict[Augmentation, tuple[AugmentationRanges, AugmentationRanges]] = {
    "moco_v2": (_MOCO_V2, _MOCO_V2),
    "moco_v1": (_MOCO_V1, _MOCO_V1),
    "byol": (_BYOL_QUERY, _BYOL_KEY),
    "swav": (_SWAV, _SWAV),
    "cmc": (AugmentationRanges(), AugmentationRanges()),
}
"""Ranges of the query and of the key; moco_v1 is InsDis's too. Sources: decision 0002."""


def interpolation_of(augmentation: Augmentation) -> Interpolation:
    """Return how crops are resized: BYOL's are bicubic."""
    return "bicubic" if augmentation == "byol" else "linear"


def draw_color_transform(
    ranges: AugmentationRanges, settings: ViewSettings, rng: np.random.Generator, *, size_px: int | None = None
) -> ColorTransform:
    """Draw jitter, grey, blur and solarisation, in this order.

    Args:
        ranges: probabilities and ranges.
        settings: range of the blur, and side of the pair's views.
        rng: random generator.
        size_px: side of this view, if another one: its blur has the pair's range in pixels of its own, as SwAV's.
    """
    jitter: tuple[tuple[str, float], ...] = ()
    if happens(ranges.jitter_probability, rng):
        *factors, hue = ranges.jitter
        values = [rng.uniform(max(0.0, 1 - half), 1 + half) for half in factors] + [rng.uniform(-hue, hue)]
        jitter = tuple((JITTER_STEPS[place], values[place]) for place in rng.permutation(4).tolist())
    is_gray = happens(ranges.gray_probability, rng)
    is_blurred = happens(ranges.blur_probability, rng)
    sigma = float(rng.uniform(settings.min_blur_sigma, settings.max_blur_sigma)) if is_blurred else 0.0
    sigma *= settings.size_px / (size_px or settings.size_px)
    is_solarised = ranges.solarise_probability > 0 and happens(ranges.solarise_probability, rng)
    return ColorTransform(jitter, is_gray, sigma, ranges.is_gray_first, is_solarised)


def happens(probability: float, rng: np.random.Generator) -> bool:
    """Return whether something of this probability happens; always draw one number."""
    return bool(rng.random() < probability)
