"""Batches whose views are only decoded, cut and resized; the device that they move to flips and augments them."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from objectcrop.ssl.samples.batches import KeyViews, PairBatch
from objectcrop.views.batched_render import paint_batch


class UnpaintedBatch(NamedTuple):
    """A batch of pairs before it is augmented.

    Attributes:
        pair: the batch.
        looks: rows of `pack` for each field of it that holds views.
        max_sigma: no blur of a large view exceeds it, pixels at a side of 224.
        max_sigma_small: the same for small crops.
    """

    pair: PairBatch
    looks: Mapping[str, Tensor]
    max_sigma: float
    max_sigma_small: float

    @property
    def rows(self) -> Tensor:
        """Rows of the images."""
        return self.pair.rows

    def with_shuffled(self, keys: KeyViews) -> "UnpaintedBatch":
        """The same with keys of other samples beside its own."""
        assert keys.looks is not None
        return self._replace(pair=self.pair.with_shuffled(keys), looks={**self.looks, "shuffled_key": keys.looks})

    def to(self, device: torch.device) -> PairBatch:
        """The batch on a device, augmented: as the CPU renderer makes it, within rounding."""
        pair = self.pair.to(device)
        painted = {}
        for name, looks in self.looks.items():
            images: Tensor = getattr(pair, name)
            most = self.max_sigma_small if name == "small" else self.max_sigma
            flat = images.reshape(-1, *images.shape[-3:])
            looks = looks.to(device, non_blocking=True)
            painted[name] = paint_batch(flat, looks, max_sigma=most).reshape(images.shape)
        return pair._replace(**painted)
