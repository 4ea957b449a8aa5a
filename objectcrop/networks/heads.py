"""Heads on the trunk while it is trained: projectors and predictors."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from objectcrop.networks.batch_norm import GlobalBatchNorm1d, SplitBatchNorm1d, SplitBatchNorm2d
from objectcrop.runtime.transfer import send
from objectcrop.study.settings.methods import BankSettings, Heads
from objectcrop.study.settings.runs import MocoSettings

NUM_TAGS = 2


def build_projector(num_features: int, settings: MocoSettings) -> nn.Module:
    """The projector of MoCo-v2, called with (features, tags): one for all views, or one for each tag."""
    group = settings.batch_norm_group if settings.projector_batch_norm else None

    def one() -> nn.Module:
        if settings.projector_layers == 1:
            return nn.Linear(num_features, settings.embedding_dims)
        return _mlp(num_features, settings.embedding_dims, batch_norm_group=group)

    return routed(one, settings.heads)


def build_dense_projector(num_features: int, settings: MocoSettings) -> nn.Module:
    """The projector of DenseCL's dense branch, called with (maps, tags): the same layers at every position of a map."""

    def one() -> nn.Module:
        first = nn.Conv2d(num_features, num_features, kernel_size=1)
        last = nn.Conv2d(num_features, settings.embedding_dims, kernel_size=1)
        if not settings.projector_batch_norm:
            return nn.Sequential(first, nn.ReLU(inplace=True), last)
        norms = (SplitBatchNorm2d(conv.out_channels, group=settings.batch_norm_group) for conv in (first, last))
        return nn.Sequential(first, next(norms), nn.ReLU(inplace=True), last, next(norms))

    return routed(one, settings.heads)


def build_byol_head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Build BYOL's projector or predictor: the last layer has no bias."""
    layers = nn.Linear(inputs, hidden), GlobalBatchNorm1d(hidden), nn.ReLU(inplace=True)
    return nn.Sequential(*layers, nn.Linear(hidden, outputs, bias=False))


def build_swav_projector(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Build SwAV's projector."""
    layers = nn.Linear(inputs, hidden), GlobalBatchNorm1d(hidden), nn.ReLU(inplace=True)
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


def build_bank_head(inputs: int, settings: BankSettings) -> nn.Module:
    """The linear head of methods with a memory bank, called with (features, tags); the batch norm after it is our option."""

    def one() -> nn.Module:
        linear = nn.Linear(inputs, settings.embedding_dims)
        if not settings.head_batch_norm:
            return linear
        return nn.Sequential(linear, GlobalBatchNorm1d(settings.embedding_dims))

    return routed(one, settings.heads)


def routed(build: Callable[[], nn.Module], heads: Heads) -> nn.Module:
    """A head that is called with (features, tags): one for all views, or one for each tag."""
    return PerViewHeads(build) if heads == "per_view" else SharedHead(build)


class SharedHead(nn.Module):
    """One head for every view."""

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.head = build()

    def forward(self, features: Tensor, tags: Tensor) -> Tensor:
        """Return embeddings, shape (N, embedding_dims); `tags` do not matter."""
        embeddings: Tensor = self.head(features)
        return embeddings


class PerViewHeads(nn.Module):
    """One head for object views (tag 0), one for scene and dilated views (tag 1); paper, section 4.1."""

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(build() for _ in range(NUM_TAGS))

    def forward(self, features: Tensor, tags: Tensor) -> Tensor:
        """Return embeddings, shape (N, embedding_dims), each by the head of its tag.

        Args:
            features: on any device.
            tags: of each row, shape (N,), int64, in the host's memory: on a GPU, nobody could tell how many rows a head has
                without a wait.
        """
        # both heads run in every step, on no rows at times: distributed training needs a gradient for each parameter
        rows = [torch.nonzero(tags == tag).flatten() for tag in range(NUM_TAGS)]
        sorted_rows = torch.cat(rows)
        places, order = send(torch.stack([sorted_rows, torch.argsort(sorted_rows)]), features.device)
        chosen = places.split([len(some) for some in rows])
        parts = [head(features[some]) for head, some in zip(self.heads, chosen, strict=True)]
        return torch.cat(parts)[order]


def _mlp(inputs: int, outputs: int, *, batch_norm_group: int | None) -> nn.Sequential:
    if batch_norm_group is None:
        return nn.Sequential(nn.Linear(inputs, inputs), nn.ReLU(inplace=True), nn.Linear(inputs, outputs))
    return nn.Sequential(
        nn.Linear(inputs, inputs),
        SplitBatchNorm1d(inputs, group=batch_norm_group),
        nn.ReLU(inplace=True),
        nn.Linear(inputs, outputs),
        SplitBatchNorm1d(outputs, group=batch_norm_group),
    )
