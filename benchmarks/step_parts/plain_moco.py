"""MoCo-v2 as its pseudo-code reads (He et al. 2020, algorithm 1; Chen et al. 2020), without a library and without haste."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainMoco(nn.Module):
    """Query encoder, key encoder and queue; the trunk is an argument, its features have shape (N, num_features)."""

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, queue_length: int, momentum: float) -> None:
        super().__init__()
        head = nn.Sequential(nn.Linear(num_features, num_features), nn.ReLU(), nn.Linear(num_features, dims))
        self.query = nn.Sequential(trunk, head)
        self.key = copy.deepcopy(self.query)
        for parameter in self.key.parameters():
            parameter.requires_grad = False
        self.momentum, self.pointer = momentum, 0
        self.register_buffer("queue", F.normalize(torch.randn(dims, queue_length), dim=0))

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """The loss of a batch, shape (N, 3, H, W) each."""
        q = F.normalize(self.query(query), dim=1)
        with torch.no_grad():
            for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
                slow.data = slow.data * self.momentum + fast.data * (1 - self.momentum)
            order = torch.randperm(len(key))
            k = F.normalize(self.key(key[order]), dim=1)[torch.argsort(order)]
        positive = torch.einsum("nc,nc->n", q, k)[:, None]
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        with torch.no_grad():
            self.queue[:, self.pointer : self.pointer + len(k)] = k.T
            self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        return loss
