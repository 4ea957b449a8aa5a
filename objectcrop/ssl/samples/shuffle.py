"""Shuffled batch norm: keys are normalised among other images than their queries (He et al. 2020, section 3.3).

Several processes shuffle in one of two ways with equal results: they exchange the images (as the paper does), or each
loads the key views of its part of the shuffled batch, and only embeddings cross the network.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.batches import PairBatch
from objectcrop.ssl.samples.images import Key
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.ssl.samples.untransformed import UnpaintedBatch


class LoadedShare(NamedTuple):
    """Which samples a process loads for a step: its own, and those whose keys it encodes."""

    own: list[Key]
    shuffled: list[Key]


class ShuffledSamples(Dataset[PairBatch | UnpaintedBatch]):
    """Pairs of views, with the key views of other pairs beside them."""

    def __init__(self, samples: PairSamples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def describe(self) -> dict[str, Any]:
        """What the pairs are made of."""
        return self.samples.describe()

    def __getitems__(self, share: LoadedShare) -> PairBatch | UnpaintedBatch:
        """A batch."""
        return self.samples.__getitems__(share.own).with_shuffled(self.samples.keys_of(share.shuffled))


def key_permutation(seeds: Seeds, step: int, global_batch: int) -> Tensor:
    """The order in which the keys of a step are encoded, the same in every process, shape (global batch,), int64."""
    return torch.from_numpy(seeds.generator("shuffle", step).permutation(global_batch))
