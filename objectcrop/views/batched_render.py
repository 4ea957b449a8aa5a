"""Flip and augment views that are already cut out, a batch at a time, on any device: the CPU renderer's steps on tensors.

Each step rounds to whole values as the CPU renderer's bytes do, so that the same plan gives the same view up to the rounding
of OpenCV's fixed-point arithmetic. Every image has its own factors, order of steps and blur: steps are computed for the whole
batch and kept where they are meant.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import BLUR_REFERENCE_PX, SOLARISE_FROM

STEPS = ("brightness", "contrast", "saturation", "hue")
FLIP, KINDS, VALUES, GRAY, SIGMA, SOLARISE, NUM_COLUMNS = 0, slice(1, 5), slice(5, 9), 9, 10, 11, 12
"""Columns of a row: 1 or 0; steps in order (1 to 4 as in STEPS, 0 is none) and their values; 0, 1 (grey) or 2 (grey before
the steps); sigma at a side of 224 pixels; 1 or 0."""
GRAY_FIRST = 2


def pack(plans: Sequence[ViewPlan]) -> Tensor:
    """Return the flip and color transforms of each view after its crop: float32, shape (N, NUM_COLUMNS)."""
    rows = np.zeros((len(plans), NUM_COLUMNS), dtype=np.float32)
    for row, plan in zip(rows, plans, strict=True):
        transform = plan.transform
        row[FLIP], row[SIGMA], row[SOLARISE] = plan.is_flipped, transform.blur_sigma, transform.is_solarised
        row[GRAY] = transform.is_gray * (GRAY_FIRST if transform.is_gray_first else 1)
        for place, (name, value) in enumerate(transform.jitter):
            row[KINDS][place], row[VALUES][place] = 1 + STEPS.index(name), value
    return torch.from_numpy(rows)


def augment_batch(images: Tensor, rows: Tensor, *, max_sigma: float) -> Tensor:
    """Flip, colour, blur and solarise.

    Args:
        images: cut out and resized, uint8, shape (N, side, side, 3).
        rows: of `pack`, on the same device.
        max_sigma: no sigma of `rows` exceeds it (pixels at a side of 224): a bound from the settings spares the device a wait.

    Returns:
        uint8, shape (N, side, side, 3).
    """
    pixels = images.permute(0, 3, 1, 2).float()
    pixels = _where(rows[:, FLIP] > 0, pixels.flip(3), pixels)
    pixels = _where(rows[:, GRAY] == GRAY_FIRST, _gray(pixels).expand_as(pixels), pixels)
    for kinds, values in zip(rows[:, KINDS].unbind(1), rows[:, VALUES].unbind(1), strict=True):
        for number, name in enumerate(STEPS, start=1):
            pixels = _where(kinds == number, _JITTERS[name](pixels, values[:, None, None, None]), pixels)
    pixels = _where(rows[:, GRAY] == 1, _gray(pixels).expand_as(pixels), pixels)
    pixels = _where(rows[:, SIGMA] > 0, _blur(pixels, rows[:, SIGMA], max_sigma), pixels)
    is_inverted = (rows[:, SOLARISE] > 0)[:, None, None, None] & (pixels >= SOLARISE_FROM)
    return torch.where(is_inverted, 255 - pixels, pixels).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(chosen[:, None, None, None], there, elsewhere)


def _to_bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255)


def _gray(pixels: Tensor) -> Tensor:
    """Return luma as OpenCV's integers have it, shape (N, 1, H, W)."""
    red, green, blue = pixels.unbind(1)
    return ((red * 9798 + green * 19235 + blue * 3735 + 16384) / 32768).floor()[:, None]


def _brightness(pixels: Tensor, factor: Tensor) -> Tensor:
    return _to_bytes(pixels * factor)


def _contrast(pixels: Tensor, factor: Tensor) -> Tensor:
    mean = _gray(pixels).mean(dim=(1, 2, 3), keepdim=True).round()
    return _to_bytes(pixels * factor + (1 - factor) * mean)


def _saturation(pixels: Tensor, factor: Tensor) -> Tensor:
    return _to_bytes(pixels * factor + _gray(pixels) * (1 - factor))


def _hue(pixels: Tensor, share: Tensor) -> Tensor:
    """Shift the hue of bytes: hue in 256 steps, saturation and value in 255, as OpenCV's HSV_FULL."""
    value, low = pixels.amax(dim=1), pixels.amin(dim=1)
    spread = value - low
    red, green, blue = pixels.unbind(1)
    sixth = torch.where(
        value == red, green - blue, torch.where(value == green, blue - red + 2 * spread, red - green + 4 * spread)
    )
    hue = (sixth / spread.clamp(min=1) * (256 / 6) + 0.5).floor()
    saturation = (spread / value.clamp(min=1) * 255 + 0.5).floor() / 255
    rotated = torch.remainder(hue + (share[:, 0] * 256).round(), 256) * (6 / 256)
    channels = []
    for start in (5, 3, 1):
        place = torch.remainder(start + rotated, 6)
        channels.append(value * (1 - saturation * torch.minimum(place, 4 - place).clamp(0, 1)))
    return _to_bytes(torch.stack(channels, dim=1))


def _blur(pixels: Tensor, sigmas: Tensor, max_sigma: float) -> Tensor:
    """Blur with a Gaussian of each image's own sigma, cut at three sigma; columns, then rows.

    Sums of shifted images, not convolutions: those would run in half precision under autocast.
    """
    scale = pixels.shape[3] / BLUR_REFERENCE_PX
    radius = max(1, math.ceil(3 * max_sigma * scale))
    offsets = torch.arange(-radius, radius + 1, device=pixels.device)
    sigma = (sigmas * scale).clamp(min=1e-6)[:, None]
    reach = (3 * sigma).ceil().clamp(min=1)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2)) * (offsets.abs() <= reach)
    weights = (weights / weights.sum(dim=1, keepdim=True))[:, :, None, None, None]
    padded = F.pad(pixels, (radius, radius, radius, radius), mode="replicate")
    height, width = pixels.shape[2:]
    across = torch.zeros_like(padded[..., :width])
    for place in range(2 * radius + 1):
        across += weights[:, place] * padded[..., place : place + width]
    down = torch.zeros_like(pixels)
    for place in range(2 * radius + 1):
        down += weights[:, place] * across[:, :, place : place + height]
    return _to_bytes(down)


_JITTERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "hue": _hue,
}
