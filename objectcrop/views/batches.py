"""What networks are fed: batches of samples, whose views the device transforms where it renders them."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from objectcrop.views.batched_render import augment_batch


class KeyViews(NamedTuple):
    """Key views alone: images as in a batch, their tags, rows of `pack` if they are not augmented yet, and quarter turns.

    Quarter turns are 0 where the query is the object view.
    """

    images: Tensor
    tags: Tensor
    transforms: Tensor | None
    rotation: Tensor


class PairBatch(NamedTuple):
    """Samples of contrastive training; images are uint8, shape (N, side, side, 3), until the trunk normalises them.

    Tags stay in the host's memory: which rows go through which head is known there without a wait for the device. So does
    `rejected`: whether the decoder rejected an image, so that Pillow decoded it, bool, shape (N,).
    """

    query: Tensor
    key: Tensor
    query_tags: Tensor
    key_tags: Tensor
    rotation: Tensor
    whole: Tensor | None
    cells: Tensor | None  # shape (N, patches, patches)
    rows: Tensor
    shuffled_key: Tensor | None = None  # this process's share of the shuffled batch (`shuffle: loader`)
    shuffled_key_tags: Tensor | None = None
    small: Tensor | None = None  # SwAV's small crops, uint8, shape (N, crops, small side, small side, 3)
    shuffled_key_rotation: Tensor | None = None
    rejected: Tensor | None = None

    def to(self, device: torch.device) -> "PairBatch":
        """Return the batch on a device, but for what stays with the host."""
        pairs = zip(self._fields, self, strict=True)
        return PairBatch._make(
            value if value is None or name.endswith(("tags", "rejected")) else value.to(device, non_blocking=True)
            for name, value in pairs
        )

    def with_shuffled(self, keys: KeyViews) -> "PairBatch":
        """Return the batch with keys of other samples beside its own."""
        return self._replace(shuffled_key=keys.images, shuffled_key_tags=keys.tags, shuffled_key_rotation=keys.rotation)


class UntransformedBatch(NamedTuple):
    """A batch of pairs before its color transforms.

    Attributes:
        pair: the batch.
        transforms: rows of `pack` for each field of it that holds views.
        max_sigma: no blur of a large view exceeds it, pixels at a side of 224.
        max_sigma_small: the same for small crops.
    """

    pair: PairBatch
    transforms: Mapping[str, Tensor]
    max_sigma: float
    max_sigma_small: float

    @property
    def rows(self) -> Tensor:
        """Rows of the images."""
        return self.pair.rows

    @property
    def rejected(self) -> Tensor | None:
        """Which images the decoder rejected."""
        return self.pair.rejected

    def with_shuffled(self, keys: KeyViews) -> "UntransformedBatch":
        """Return the batch with keys of other samples beside its own."""
        assert keys.transforms is not None
        return self._replace(
            pair=self.pair.with_shuffled(keys), transforms={**self.transforms, "shuffled_key": keys.transforms}
        )

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch on a device, augmented: as the CPU renderer makes it, within rounding."""
        pair = self.pair.to(device)
        augmented = {}
        for name, transforms in self.transforms.items():
            images: Tensor = getattr(pair, name)
            max_sigma = self.max_sigma_small if name == "small" else self.max_sigma
            flat = images.reshape(-1, *images.shape[-3:])
            transforms = transforms.to(device, non_blocking=True)
            augmented[name] = augment_batch(flat, transforms, max_sigma=max_sigma).reshape(images.shape)
        return pair._replace(**augmented)


class LabelledBatch(NamedTuple):
    """Samples of supervised training; images are uint8, shape (N, side, side, 3); `rejected` as in `PairBatch`."""

    images: Tensor
    labels: Tensor
    rows: Tensor
    rejected: Tensor | None = None

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on a device, but for what stays with the host."""
        images, labels, rows = (value.to(device, non_blocking=True) for value in self[:3])
        return LabelledBatch(images, labels, rows, self.rejected)
