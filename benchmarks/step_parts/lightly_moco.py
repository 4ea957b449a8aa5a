"""MoCo-v2 from lightly's building blocks, put together as its documentation puts them together."""

import copy
import warnings

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    from lightly.loss import NTXentLoss
    from lightly.models.modules import MoCoProjectionHead
    from lightly.models.utils import batch_shuffle, batch_unshuffle, deactivate_requires_grad, update_momentum


class LightlyMoco(nn.Module):
    """Query encoder, key encoder and a loss with a memory bank; the trunk's features have shape (N, num_features)."""

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, queue_length: int, momentum: float) -> None:
        super().__init__()
        self.backbone, self.projection_head = trunk, MoCoProjectionHead(num_features, num_features, dims)
        self.backbone_momentum = copy.deepcopy(self.backbone)
        self.projection_head_momentum = copy.deepcopy(self.projection_head)
        deactivate_requires_grad(self.backbone_momentum)
        deactivate_requires_grad(self.projection_head_momentum)
        self.criterion = NTXentLoss(temperature=0.2, memory_bank_size=(queue_length, dims))
        self.momentum = momentum

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the loss of a batch, shape (N, 3, H, W) each."""
        update_momentum(self.backbone, self.backbone_momentum, m=self.momentum)
        update_momentum(self.projection_head, self.projection_head_momentum, m=self.momentum)
        q = self.projection_head(self.backbone(query).flatten(start_dim=1))
        with torch.no_grad():
            shuffled, order = batch_shuffle(key)
            k = self.projection_head_momentum(self.backbone_momentum(shuffled).flatten(start_dim=1))
            k = batch_unshuffle(k, order)
        loss: Tensor = self.criterion(q, k)
        return loss
