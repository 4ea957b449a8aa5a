"""Random resized crops as boxes: torchvision's `RandomResizedCrop.get_params` inside any region."""

import math

import numpy as np

from objectcrop.views.regions import Box

RATIO = (3 / 4, 4 / 3)
TRIES = 10


def draw_crop(region: Box, scale_min: float, rng: np.random.Generator, *, scale_max: float = 1.0) -> Box:
    """Draw a crop of whole pixels inside `region`.

    Ten times an area share in [scale_min, scale_max] and a log-uniform ratio of width to height in [3/4, 4/3] are drawn until the
    crop fits; else the largest centred crop whose ratio is allowed. The rule is torchvision's.

    Args:
        region: whole pixels.
        scale_min: least crop area over region area, 0..1.
        rng: random generator.
        scale_max: greatest crop area over region area, 0..1.
    """
    left, top = region[0], region[1]
    width, height = round(region[2] - left), round(region[3] - top)
    for _ in range(TRIES):
        target = width * height * rng.uniform(scale_min, scale_max)
        ratio = math.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        crop_width, crop_height = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            x = left + int(rng.integers(width - crop_width + 1))
            y = top + int(rng.integers(height - crop_height + 1))
            return x, y, x + crop_width, y + crop_height
    crop_width, crop_height = _largest_allowed(width, height)
    x, y = left + (width - crop_width) // 2, top + (height - crop_height) // 2
    return x, y, x + crop_width, y + crop_height


def _largest_allowed(width: int, height: int) -> tuple[int, int]:
    if width / height < RATIO[0]:
        return width, max(1, min(height, round(width / RATIO[0])))
    if width / height > RATIO[1]:
        return max(1, min(width, round(height * RATIO[1]))), height
    return width, height
