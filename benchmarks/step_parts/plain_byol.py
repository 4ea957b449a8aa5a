"""BYOL from the formulas of its paper (Grill et al. 2020, arXiv:2006.07733), without a library and without haste."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainByol(nn.Module):
    """Online network with a predictor, and target network; the trunk's features have shape (N, num_features)."""

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, hidden: int, momentum: float) -> None:
        super().__init__()
        self.online = nn.Sequential(trunk, head(num_features, hidden, dims))
        self.predictor = head(dims, hidden, dims)
        self.target = copy.deepcopy(self.online)
        for parameter in self.target.parameters():
            parameter.requires_grad = False
        self.momentum, self.is_first = momentum, True

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the loss of a batch in both directions, shape (N, 3, H, W) each; the target follows the step before."""
        with torch.no_grad():
            if not self.is_first:
                for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                    slow.data = slow.data * self.momentum + fast.data * (1 - self.momentum)
            self.is_first = False
            of_query, of_key = self.target(query), self.target(key)
        return distance(self.predictor(self.online(query)), of_key) + distance(
            self.predictor(self.online(key)), of_query
        )


def head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Projector or predictor."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outputs, bias=False)
    )


def distance(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared distance of unit vectors."""
    return ((F.normalize(predictions, dim=1) - F.normalize(targets, dim=1)) ** 2).sum(dim=1).mean()
