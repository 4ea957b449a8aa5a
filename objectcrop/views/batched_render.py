"""Flip and augment views that are already cut out, a batch at a time, on any device: the CPU renderer's steps on tensors.

Each step rounds to whole values as the CPU renderer's bytes do, so that the same plan gives the same view up to the rounding
of OpenCV's fixed-point arithmetic. Every image has its own factors, order of steps and blur: steps are computed for the whole
batch and kept where they are meant.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._triton import has_triton

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
    """Flip, colour, blur and solarise; on a GPU by a few fused kernels, which read and write bytes.

    Args:
        images: cut out and resized, uint8, shape (N, side, side, 3).
        rows: of `pack`, on the same device.
        max_sigma: no sigma of `rows` exceeds it (pixels at a side of 224): a bound from the settings spares the device a wait.

    Returns:
        uint8, shape (N, side, side, 3).
    """
    scale = images.shape[2] / BLUR_REFERENCE_PX
    weights = blur_weights(rows[:, SIGMA] * scale, max(1, math.ceil(3 * max_sigma * scale)))
    augment = _compiled() if images.is_cuda and has_triton() else augment_by_steps
    return augment(images, rows, weights)


def augment_by_steps(images: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Do what `augment_batch` does, an operation of torch at a time: what is compiled for GPUs.

    Args:
        images: as there.
        rows: as there.
        weights: of `blur_weights`: made before, as compilers have exponentials of their own.
    """
    pixels = images.permute(0, 3, 1, 2).float()
    pixels = _where(rows[:, FLIP] > 0, pixels.flip(3), pixels)
    pixels = _where(rows[:, GRAY] == GRAY_FIRST, _gray(pixels).expand_as(pixels), pixels)
    for kinds, values in zip(rows[:, KINDS].unbind(1), rows[:, VALUES].unbind(1), strict=True):
        pixels = _jitter(pixels, kinds[:, None, None, None], values[:, None, None, None])
    pixels = _where(rows[:, GRAY] == 1, _gray(pixels).expand_as(pixels), pixels)
    pixels = _where(rows[:, SIGMA] > 0, _blur(pixels, weights), pixels)
    is_inverted = (rows[:, SOLARISE] > 0)[:, None, None, None] & (pixels >= SOLARISE_FROM)
    return torch.where(is_inverted, 255 - pixels, pixels).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


@cache
def _compiled() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return torch.compile(augment_by_steps, dynamic=False)


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(chosen[:, None, None, None], there, elsewhere)


def _to_bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255)


def _gray(pixels: Tensor) -> Tensor:
    """Return luma as OpenCV's integers have it, shape (N, 1, H, W)."""
    red, green, blue = pixels.unbind(1)
    return ((red * 9798 + green * 19235 + blue * 3735 + 16384) / 32768).floor()[:, None]


def _jitter(pixels: Tensor, kinds: Tensor, values: Tensor) -> Tensor:
    """Take each image's own step.

    Three kinds blend with something by a factor: brightness with black, contrast with the image's mean grey, saturation with
    the grey image. So all images are blended at once; without a step, by the factor 1.

    Args:
        pixels: whole numbers, shape (N, 3, H, W).
        kinds: 1 + index into STEPS, or 0, shape (N, 1, 1, 1).
        values: factors, or the share of a turn, of this shape.
    """
    brightness, contrast, saturation, hue = (kinds == number for number in range(1, 5))
    gray = _gray(pixels)
    mean = gray.mean(dim=(1, 2, 3), keepdim=True).round()
    factors = torch.where(brightness | contrast | saturation, values, 1.0)
    others = torch.where(contrast, mean, torch.where(saturation, gray, 0.0))
    blended = _to_bytes(pixels * factors + (1 - factors) * others)
    return torch.where(hue, _hue(pixels, values[:, 0]), blended)


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
    rotated = torch.remainder(hue + (share * 256).round(), 256) * (6 / 256)
    channels = []
    for start in (5, 3, 1):
        place = torch.remainder(start + rotated, 6)
        channels.append(value * (1 - saturation * torch.minimum(place, 4 - place).clamp(0, 1)))
    return _to_bytes(torch.stack(channels, dim=1))


def blur_weights(sigmas: Tensor, radius: int) -> Tensor:
    """Return the weights of each image's pixels `radius` to the left to `radius` to the right, shape (N, 2 radius + 1, 1, 1, 1).

    Args:
        sigmas: of a Gaussian, cut at three sigma, in pixels, shape (N,).
        radius: of the largest.
    """
    offsets = torch.arange(-radius, radius + 1, device=sigmas.device)
    sigma = sigmas.clamp(min=1e-6)[:, None]
    reach = (3 * sigma).ceil().clamp(min=1)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2)) * (offsets.abs() <= reach)
    return (weights / weights.sum(dim=1, keepdim=True))[:, :, None, None, None]


def _blur(pixels: Tensor, weights: Tensor) -> Tensor:
    """Blur each image by its weights; columns, then rows.

    Sums of shifted images, not convolutions: those would run in half precision under autocast.
    """
    count, (height, width) = weights.shape[1], pixels.shape[2:]
    padded = F.pad(pixels, (count // 2,) * 4, mode="replicate")
    across = torch.zeros_like(padded[..., :width])
    for place in range(count):
        across += weights[:, place] * padded[..., place : place + width]
    down = torch.zeros_like(pixels)
    for place in range(count):
        down += weights[:, place] * across[:, :, place : place + height]
    return _to_bytes(down)
