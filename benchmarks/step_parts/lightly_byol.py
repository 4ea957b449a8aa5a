"""BYOL from lightly's building blocks, put together as its documentation puts them together."""

import copy
import warnings

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum


class LightlyByol(nn.Module):
    """Online network with a predictor, and target network; the trunk's features have shape (N, num_features)."""

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, hidden: int, momentum: float) -> None:
        super().__init__()
        self.online = nn.Sequential(trunk, BYOLProjectionHead(num_features, hidden, dims))
        self.predictor = BYOLPredictionHead(dims, hidden, dims)
        self.target = copy.deepcopy(self.online)
        deactivate_requires_grad(self.target)
        self.criterion, self.momentum = NegativeCosineSimilarity(), momentum

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the loss of a batch in both directions, shape (N, 3, H, W) each."""
        update_momentum(self.online, self.target, m=self.momentum)
        of_query, of_key = self.predictor(self.online(query)), self.predictor(self.online(key))
        with torch.no_grad():
            query_target, key_target = self.target(query), self.target(key)
        loss: Tensor = 0.5 * (self.criterion(of_query, key_target) + self.criterion(of_key, query_target))
        return loss
