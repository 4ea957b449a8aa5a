"""Shuffled batch norm: keys are normalised among other images than their queries (He et al. 2020, section 3.3).

Several processes shuffle in one of two ways with equal results: they exchange the images (as the paper does), or each
loads the key views of its part of the shuffled batch, and only embeddings cross the network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import generator
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


def key_permutation(study_seed: int, seed: int, step: int, global_batch: int) -> Tensor:
    """The order in which the keys of a step are encoded, the same in every process, shape (global batch,), int64."""
    return torch.from_numpy(generator(study_seed, "shuffle", seed, step).permutation(global_batch))


@torch.no_grad()
def encode_shuffled(
    encode: Callable[[Tensor, Tensor], Tensor], batch: PairBatch, permutation: Tensor, world: World
) -> Tensor:
    """Rows for the keys of a batch, encoded with the global batch in another order, returned in the order they came.

    Args:
        encode: from images, shape (n, side, side, 3), and their tags to one row each.
        batch: this process's share. Where it holds rows `permutation[share]` of the global batch's keys (`shuffle: loader`),
            no image is exchanged.
        permutation: of the rows of the global batch, the same in every process, shape (global batch,).
        world: the processes.
    """
    permutation = permutation.to(world.device)
    share = slice(world.rank * len(batch.key), (world.rank + 1) * len(batch.key))
    images, tags = batch.shuffled_key, batch.shuffled_key_tags
    if images is None or tags is None:
        mine = permutation[share]
        images, tags = world.gather(batch.key)[mine], world.gather(batch.key_tags)[mine]
    rows = encode(images, tags)
    return world.gather(rows)[torch.argsort(permutation)][share]
