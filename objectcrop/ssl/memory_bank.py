"""A memory bank: one slowly moving embedding for each picture (Wu et al. 2018, arXiv:1805.01978)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MemoryBank(nn.Module):
    """A row for each picture.

    Attributes:
        rows: unit vectors, shape (pictures, D); Gaussian directions at first.
        momentum: share of a row that stays when its picture is seen.
    """

    rows: Tensor

    def __init__(self, length: int, dims: int, *, momentum: float, seed: int) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(seed)
        self.register_buffer("rows", F.normalize(torch.randn(length, dims, generator=chance), dim=1))
        self.momentum = momentum

    @torch.no_grad()
    def update(self, places: Tensor, embeddings: Tensor) -> None:
        """Move the rows of pictures, shape (N,), towards embeddings, shape (N, D), and back to length 1."""
        moved = self.momentum * self.rows[places] + (1 - self.momentum) * embeddings.to(self.rows)
        self.rows[places] = F.normalize(moved, dim=1)
