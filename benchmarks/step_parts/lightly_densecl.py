"""DenseCL from lightly's building blocks.

Its memory bank takes the keys that it contrasts: here a key for each position, where the paper has one for each image.
"""

import copy
import warnings

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    from lightly.loss import NTXentLoss
    from lightly.models.modules import DenseCLProjectionHead
    from lightly.models.utils import (
        batch_shuffle,
        batch_unshuffle,
        deactivate_requires_grad,
        select_most_similar,
        update_momentum,
    )


class LightlyDenseCl(nn.Module):
    """Query encoder, key encoder and two losses; `forward_map` of the trunk gives maps of shape (N, num_features, H, W)."""

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, queue_length: int, momentum: float) -> None:
        super().__init__()
        heads = (DenseCLProjectionHead(num_features, num_features, dims) for _ in range(2))
        self.query = nn.ModuleList([trunk, *heads])
        self.key = copy.deepcopy(self.query)
        deactivate_requires_grad(self.key)
        self.global_loss, self.dense_loss = (
            NTXentLoss(temperature=0.2, memory_bank_size=(queue_length, dims)) for _ in range(2)
        )
        self.momentum = momentum

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the loss of a batch, shape (N, 3, H, W) each."""
        update_momentum(self.query, self.key, m=self.momentum)
        query_positions, q, dense = encode(self.query, query)
        with torch.no_grad():
            shuffled, order = batch_shuffle(key)
            key_positions, k, dense_keys = (batch_unshuffle(part, order) for part in encode(self.key, shuffled))
            targets = select_most_similar(query_positions, key_positions, dense_keys)
        loss: Tensor = 0.5 * self.global_loss(q, k) + 0.5 * self.dense_loss(dense.flatten(0, 1), targets.flatten(0, 1))
        return loss


def encode(encoder: nn.ModuleList, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the map's positions, shape (N, H W, C), the global embedding, and the dense ones, shape (N, H W, D)."""
    trunk, head, dense = encoder
    map_ = trunk.forward_map(images)
    positions = map_.flatten(2).transpose(1, 2)
    return positions, head(map_.mean(dim=(2, 3))), dense(positions)
