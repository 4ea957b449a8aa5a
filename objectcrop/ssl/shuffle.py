"""Shuffled batch norm: keys are normalised among other pictures than their queries (He et al. 2020, section 3.3).

Several processes shuffle in one of two ways with equal results: they exchange the pictures (as the paper does), or each
loads the key views of its part of the shuffled batch, and only embeddings cross the network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import generator
from objectcrop.ssl.inputs import PairBatch
from objectcrop.ssl.samples import Key, PairSamples
from objectcrop.ssl.unpainted import UnpaintedBatch


class ShuffledKeys(NamedTuple):
    """This process's share of the shuffled batch, as its loader made it."""

    images: Tensor
    tags: Tensor


class LoadedShare(NamedTuple):
    """Which samples a process loads for a step: its own, and those whose keys it encodes."""

    own: list[Key]
    shuffled: list[Key]


class ShuffledSamples(Dataset[PairBatch | UnpaintedBatch]):
    """Pairs of views, with the key views of other pairs beside them."""

    def __init__(self, samples: PairSamples) -> None:
        self.samples = samples

    def describe(self) -> dict[str, Any]:
        """What the pairs are made of."""
        return self.samples.describe()

    def __getitems__(self, share: LoadedShare) -> PairBatch | UnpaintedBatch:
        """A batch."""
        return self.samples.__getitems__(share.own).with_shuffled(self.samples.keys_of(share.shuffled))


def key_permutation(study_seed: int, seed: int, step: int, global_batch: int) -> Tensor:
    """The order in which the keys of a step are encoded, the same in every process, shape (global batch,), int64."""
    return torch.from_numpy(generator(study_seed, "shuffle", seed, step).permutation(global_batch))


def encode_shuffled(
    encode: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    tags: Tensor,
    permutation: Tensor,
    world: World,
    shuffled: ShuffledKeys | None = None,
) -> Tensor:
    """`encode(images, tags)` with the rows of the global batch in another order, results in the order they came.

    Args:
        encode: from images and tags to one row each.
        images: this process's share.
        tags: of these.
        permutation: of the rows of the global batch, the same in every process.
        world: the processes.
        shuffled: rows `permutation[share]` of the global batch, if the loader made them; then no image is exchanged.
    """
    share = slice(world.rank * len(images), (world.rank + 1) * len(images))
    if shuffled is None:
        mine = permutation[share]
        shuffled = ShuffledKeys(world.gather(images)[mine], world.gather(tags)[mine])
    keys = encode(*shuffled)
    inverse = torch.argsort(permutation)
    return world.gather(keys)[inverse][share]
