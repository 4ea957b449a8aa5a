"""Stored pixels as what networks see."""

from functools import lru_cache

import torch
from torch import Tensor

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's images, RGB in 0 to 1."""


def normalise(images: Tensor) -> Tensor:
    """uint8, shape (N, H, W, 3), to ImageNet's mean and deviation, shape (N, 3, H, W), channels last in memory.

    The floats are torch's default ones: float32, unless the caller asked torch for others.
    """
    num, height, width, _ = images.shape
    # by whole lines of pixels: channels alone, three numbers at a time, take several times as long
    mean, deviation = (_line(values, width, images.device, torch.get_default_dtype()) for values in (MEAN, DEVIATION))
    lines = images.reshape(num, height, width * 3).to(torch.get_default_dtype()).sub_(mean).div_(deviation)
    return lines.reshape(num, height, width, 3).permute(0, 3, 1, 2)


@lru_cache(maxsize=32)
def _line(values: tuple[float, ...], width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    # kept on the device: a copy for each batch would make the host wait
    with torch.inference_mode(False):
        return 255 * torch.tensor(values, device=device, dtype=dtype).repeat(width)
