"""DenseCL from the formulas of its paper (Wang et al. 2021, arXiv:2011.09157), without a library and without haste."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainDenseCl(nn.Module):
    """Query encoder, key encoder, each with a global and a dense head, and two queues.

    The trunk is an argument; `forward_map` of it gives maps of shape (N, num_features, H, W).
    """

    def __init__(self, trunk: nn.Module, num_features: int, *, dims: int, queue_length: int, momentum: float) -> None:
        super().__init__()
        self.query = nn.ModuleDict(
            {
                "trunk": trunk,
                "head": nn.Sequential(nn.Linear(num_features, num_features), nn.ReLU(), nn.Linear(num_features, dims)),
                "dense": nn.Sequential(
                    nn.Conv2d(num_features, num_features, 1), nn.ReLU(), nn.Conv2d(num_features, dims, 1)
                ),
            }
        )
        self.key = copy.deepcopy(self.query)
        for parameter in self.key.parameters():
            parameter.requires_grad = False
        self.momentum, self.pointer = momentum, 0
        self.register_buffer("queue", F.normalize(torch.randn(dims, queue_length), dim=0))
        self.register_buffer("dense_queue", F.normalize(torch.randn(dims, queue_length), dim=0))

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the loss of a batch, shape (N, 3, H, W) each: half of the global one and half of the dense one."""
        query_map, q, dense = encode(self.query, query)
        with torch.no_grad():
            for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
                slow.data = slow.data * self.momentum + fast.data * (1 - self.momentum)
            order = torch.randperm(len(key))
            key_map, k, dense_keys = (part[torch.argsort(order)] for part in encode(self.key, key[order]))
            pooled = F.normalize(dense_keys.mean(dim=2), dim=1)
            cosines = torch.einsum(
                "nci,ncj->nij", F.normalize(query_map.flatten(2), dim=1), F.normalize(key_map.flatten(2), dim=1)
            )
            matches = cosines.argmax(dim=2)
            targets = torch.gather(dense_keys, 2, matches[:, None, :].expand(-1, dense_keys.shape[1], -1))
            targets = F.normalize(targets, dim=1).transpose(1, 2).flatten(0, 1)
        rows = F.normalize(dense, dim=1).transpose(1, 2).flatten(0, 1)
        loss = 0.5 * info_nce(q, k, self.queue) + 0.5 * info_nce(rows, targets, self.dense_queue)
        with torch.no_grad():
            self.queue[:, self.pointer : self.pointer + len(k)] = k.T
            self.dense_queue[:, self.pointer : self.pointer + len(k)] = pooled.T
            self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        return loss


def encode(encoder: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the map, the global embedding as a unit vector, and the dense ones of any length, shape (N, D, H W)."""
    trunk, head, dense = encoder["trunk"], encoder["head"], encoder["dense"]
    map_ = trunk.forward_map(images)
    return map_, F.normalize(head(map_.mean(dim=(2, 3))), dim=1), dense(map_).flatten(2)


def info_nce(rows: Tensor, positives: Tensor, queue: Tensor) -> Tensor:
    """Return the mean loss of unit vectors, shape (N, D), against their positives and a queue, shape (D, K)."""
    positive = torch.einsum("nc,nc->n", rows, positives)[:, None]
    negative = torch.einsum("nc,ck->nk", rows, queue.clone().detach())
    logits = torch.cat([positive, negative], dim=1) / 0.2
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
