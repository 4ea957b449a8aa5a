"""What networks are fed: batches of samples."""

from typing import NamedTuple

import torch
from torch import Tensor


class KeyViews(NamedTuple):
    """Key views alone: images as in a batch, their tags, and rows of `pack` if they are not augmented yet."""

    images: Tensor
    tags: Tensor
    looks: Tensor | None


class PairBatch(NamedTuple):
    """Samples of contrastive training; images are uint8, shape (N, side, side, 3), until the trunk normalises them."""

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
