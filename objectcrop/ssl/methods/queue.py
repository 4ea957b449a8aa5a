"""The queue of negatives: a ring of the latest keys with the tags of their views."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Queue(nn.Module):
    """K keys of D numbers; the oldest are overwritten. Its state travels with the module's.

    Attributes:
        keys: unit vectors, shape (K, D); Gaussian directions at first.
        tags: view tags of the keys, shape (K,), int64.
        pointer: row that the next key goes to.
    """

    keys: Tensor
    tags: Tensor

    def __init__(self, length: int, dims: int, *, first_tags: Sequence[int], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("keys", F.normalize(torch.randn(length, dims, generator=generator), dim=1))
        self.register_buffer("tags", torch.tensor(list(first_tags), dtype=torch.long).repeat(length)[:length])
        self.pointer = 0

    @torch.no_grad()
    def enqueue(self, keys: Tensor, tags: Tensor) -> None:
        """Write keys, shape (N, D), in order; what reaches the end continues at the start.

        Raises:
            ValueError: if there are more keys than rows.
        """
        length = len(self.keys)
        if len(keys) > length:
            raise ValueError(f"{len(keys)} keys for a queue of {length}")
        fit = min(len(keys), length - self.pointer)
        end = self.pointer + fit
        self.keys[self.pointer : end], self.tags[self.pointer : end] = keys[:fit].to(self.keys), tags[:fit]
        self.keys[: len(keys) - fit], self.tags[: len(keys) - fit] = keys[fit:].to(self.keys), tags[fit:]
        self.pointer = (self.pointer + len(keys)) % length

    def get_extra_state(self) -> dict[str, int]:
        """Return the pointer, for `state_dict`."""
        return {"pointer": self.pointer}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Set the pointer, from `state_dict`."""
        self.pointer = state["pointer"]
