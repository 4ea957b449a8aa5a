"""What networks are fed: batches of samples, and their pixels as normalised floats."""

from typing import NamedTuple

import torch
from torch import Tensor


class KeyViews(NamedTuple):
    """Key views alone: images as in a batch, their tags, and rows of `pack` if they are not augmented yet."""

    images: Tensor
    tags: Tensor
    looks: Tensor | None


class PairBatch(NamedTuple):
    """Samples of contrastive training; images are uint8, shape (N, side, side, 3), until `normalise`."""

    query: Tensor
    key: Tensor
    query_tags: Tensor
    key_tags: Tensor
    turns: Tensor
    whole: Tensor | None
    cells: Tensor | None  # shape (N, patches, patches)
    rows: Tensor
    shuffled_key: Tensor | None = None  # this process's share of the shuffled batch (`shuffle: loader`)
    shuffled_key_tags: Tensor | None = None
    small: Tensor | None = None  # SwAV's small crops, uint8, shape (N, crops, small side, small side, 3)

    def to(self, device: torch.device) -> "PairBatch":
        """The batch on a device."""
        return PairBatch._make(None if value is None else value.to(device, non_blocking=True) for value in self)

    def with_shuffled(self, keys: KeyViews) -> "PairBatch":
        """The same with keys of other samples beside its own."""
        return self._replace(shuffled_key=keys.images, shuffled_key_tags=keys.tags)


class LabelledBatch(NamedTuple):
    """Samples of supervised training; images are uint8, shape (N, side, side, 3)."""

    images: Tensor
    labels: Tensor
    rows: Tensor

    def to(self, device: torch.device) -> "LabelledBatch":
        """The batch on a device."""
        return LabelledBatch(*(value.to(device, non_blocking=True) for value in self))


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalise(images: Tensor) -> Tensor:
    """uint8, shape (N, H, W, 3), to ImageNet's mean and deviation, shape (N, 3, H, W), channels last in memory.

    The floats are torch's default ones: float32, unless the caller asked torch for others.
    """
    num, height, width, _ = images.shape
    # by whole lines of pixels: channels alone, three numbers at a time, take several times as long
    mean, deviation = (255 * torch.tensor(v, device=images.device).repeat(width) for v in (MEAN, DEVIATION))
    lines = images.reshape(num, height, width * 3).to(torch.get_default_dtype()).sub_(mean).div_(deviation)
    return lines.reshape(num, height, width, 3).permute(0, 3, 1, 2)
