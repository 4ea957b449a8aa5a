"""Shuffled batch norm: keys are normalised among other pictures than their queries (He et al. 2020, section 3.3)."""

from collections.abc import Callable

import torch
from torch import Tensor

from objectcrop.runtime.distributed import World


def encode_shuffled(
    encode: Callable[[Tensor, Tensor], Tensor], images: Tensor, tags: Tensor, permutation: Tensor, world: World
) -> Tensor:
    """`encode(images, tags)` with the rows of the global batch in another order, results in the order they came.

    Args:
        encode: from images and tags to one row each.
        images: this process's share.
        tags: of these.
        permutation: of the rows of the global batch, the same in every process.
        world: the processes.
    """
    share = slice(world.rank * len(images), (world.rank + 1) * len(images))
    mine = permutation[share]
    keys = encode(world.gather(images)[mine], world.gather(tags)[mine])
    inverse = torch.argsort(permutation)
    return world.gather(keys)[inverse][share]
