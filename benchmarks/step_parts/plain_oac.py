"""OAC on MoCo-v2 as the paper reads (Mishra et al. 2022, sections 4.1, 4.2), without a library and without haste."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainOac(nn.Module):
    """MoCo-v2 with a projector for each kind of view, and heads that predict a rotation and the cells of the object.

    Every view that an extra loss reads has a pass of its own, with gradient; the trunk is an argument, its features have
    shape (N, num_features).
    """

    def __init__(
        self, trunk: nn.Module, num_features: int, *, dims: int, queue_length: int, momentum: float, patches: int
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.of_objects, self.of_scenes = mlp(num_features, num_features, dims), mlp(num_features, num_features, dims)
        self.key_trunk, self.key_of_objects, self.key_of_scenes = copy.deepcopy(
            nn.ModuleList([self.trunk, self.of_objects, self.of_scenes])
        )
        self.rotation = mlp(2 * num_features, num_features, 4)
        self.localization = mlp(2 * num_features, num_features, patches**2)
        self.momentum, self.pointer = momentum, 0
        for slow, _ in self.pairs():
            slow.requires_grad = False
        self.register_buffer("queue", F.normalize(torch.randn(dims, queue_length), dim=0))

    def pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """Parameters of the key encoder, each with the one that it follows."""
        slow = [self.key_trunk, self.key_of_objects, self.key_of_scenes]
        fast = [self.trunk, self.of_objects, self.of_scenes]
        return [
            both for s, f in zip(slow, fast, strict=True) for both in zip(s.parameters(), f.parameters(), strict=True)
        ]

    def forward(
        self, query: Tensor, key: Tensor, whole: Tensor, is_object: Tensor, rotation: Tensor, cells: Tensor
    ) -> Tensor:
        """Return the sum of the three losses of a batch.

        Args:
            query: shape (N, 3, H, W).
            key: the other view, likewise.
            whole: the whole image, likewise.
            is_object: whether the query is the object view and not the key, bool, shape (N,).
            rotation: quarter turns of the object view, shape (N,).
            cells: 1 where the object is, shape (N, patches, patches).
        """
        mask = is_object[:, None]
        features = self.trunk(query)
        q = F.normalize(torch.where(mask, self.of_objects(features), self.of_scenes(features)), dim=1)
        with torch.no_grad():
            for slow, fast in self.pairs():
                slow.data = slow.data * self.momentum + fast.data * (1 - self.momentum)
            order = torch.randperm(len(key))
            of_keys = self.key_trunk(key[order])[torch.argsort(order)]
            k = F.normalize(torch.where(mask, self.key_of_scenes(of_keys), self.key_of_objects(of_keys)), dim=1)
        positive = torch.einsum("nc,nc->n", q, k)[:, None]
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / 0.2
        contrast = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        with torch.no_grad():
            self.queue[:, self.pointer : self.pointer + len(k)] = k.T
            self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        other = self.trunk(key)
        objects, scenes = torch.where(mask, features, other), torch.where(mask, other, features)
        images = torch.where(mask[:, :, None, None], query, key)
        rotated = torch.stack(
            [torch.rot90(image, int(turns), (1, 2)) for image, turns in zip(images, rotation, strict=True)]
        )
        angles = self.rotation(torch.cat([self.trunk(rotated), scenes], dim=1))
        places = self.localization(torch.cat([objects, self.trunk(whole)], dim=1))
        where = F.binary_cross_entropy_with_logits(places, cells.flatten(1))
        return contrast + F.cross_entropy(angles, rotation) + where


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two layers."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
