"""Seed torch's own generators for the length of a block: what networks draw (dropout, fresh weights) depends on a seed alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded_torch(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's generators of the CPU and of `device` for the length of the block, and leave both as they were.

    Args:
        seed: 0 .. 2**63 - 1.
        device: the CPU, or a CUDA device; the generators of other CUDA devices are neither read nor seeded.
    """
    is_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
