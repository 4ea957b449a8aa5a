"""Batches and methods of the wiring tests: a few images of noise, no files."""

import torch

from objectcrop.networks.backbones import seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.method import Setup
from objectcrop.ssl.methods.registry import build_method
from objectcrop.views.batches import PairBatch

SEEDS = Seeds(0, 1)
ALONE = World(0, 1, torch.device("cpu"))
OBJECT_PAIR = {"regions": ["object", "dilated_object"], "proposals": "lod"}


def setup_of(run, world=ALONE, num_samples=12, labels=None):
    return Setup(run, SEEDS, world, num_samples, labels)


def build(request_of, method, **changes):
    """A method at the size of `tiny_run`, for 12 images, in float64."""
    run = request_of(method=method, **changes).run
    with seeded_weights(0):
        return build_method(setup_of(run)).double()


def images(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, generator=generator)


def batch_of(*, query_tags=(1, 1, 1, 1), key_tags=(1, 1, 1, 1), num_small=0):
    return PairBatch(
        images(1, 4, 32, 32),
        images(2, 4, 32, 32),
        torch.tensor(query_tags),
        torch.tensor(key_tags),
        torch.tensor([0, 1, 2, 3]),
        images(3, 4, 32, 32),
        torch.randint(0, 2, (4, 3, 3), generator=torch.Generator().manual_seed(4)),
        torch.tensor([7, 2, 0, 11]),
        small=images(5, 4, num_small, 32, 32) if num_small else None,
    )


def ready(images):
    """What `normalise` does, in float64."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64)
    return ((images.double() / 255 - mean) / deviation).permute(0, 3, 1, 2)
