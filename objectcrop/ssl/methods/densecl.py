"""DenseCL (Wang et al. 2021, arXiv:2011.09157), from the paper's formulas, with OAC's heads and losses."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from objectcrop.networks.backbones import View
from objectcrop.networks.heads import build_dense_projector
from objectcrop.runtime.precision import widened
from objectcrop.runtime.transfer import send
from objectcrop.ssl.losses.contrastive import info_nce_loss
from objectcrop.ssl.methods.method import Setup, StepLosses
from objectcrop.ssl.methods.momentum_contrast import Encoder, MomentumContrast
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch

MAX_LOGITS = 1 << 28
"""Logits that are held at once: 1 GiB in float32."""


class DenseEmbeddings(NamedTuple):
    """What an encoder makes of images.

    Attributes:
        embeddings: of the global head, unit vectors, shape (N, D).
        dense: of the dense head, of any length, shape (N, D, H, W).
        map_: the trunk's last map, shape (N, C, H, W).
    """

    embeddings: Tensor
    dense: Tensor
    map_: Tensor


class DenseEncoder(Encoder):
    """Trunk, global head and dense head."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.dense_projector = build_dense_projector(self.backbone.num_features, setup.run.moco)

    def forward(self, images: Tensor, tags: Tensor) -> tuple[View, DenseEmbeddings]:
        """The view, and both heads' embeddings by those of its tags, of uint8 images."""
        view, map_ = self.backbone.view_and_map(images)
        return view, self.read(map_, view.features, tags)

    def read(self, map_: Tensor, features: Tensor, tags: Tensor) -> DenseEmbeddings:
        """What `forward` makes of images, from their last map and its pooled features."""
        return DenseEmbeddings(self.embed(features, tags), widened(self.dense_projector(map_, tags)), map_)


class DenseCl(MomentumContrast):
    """Query network, key encoder, and two queues: of the keys, and of the pooled dense keys, one for each image.

    The order of a step is MoCo's.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, DenseEncoder(setup))
        self.queue, self.dense_queue = self.fresh_queues(2)
        self.settle()

    def own_losses(self, outputs: DenseEmbeddings, batch: PairBatch, step: int) -> StepLosses:
        """Compute the global and the dense loss; update the key encoder, and the queues after the step."""
        keys: DenseEmbeddings = self.encode_keys(batch, step)
        contrast, dense = self.contrast(outputs.embeddings, keys.embeddings, batch), self._dense(outputs, keys, batch)
        tags, pooled = self.gather_tags(batch), F.normalize(keys.dense.mean(dim=(2, 3)), dim=1)
        self.enqueue_later(self.queue, keys.embeddings, tags)
        self.enqueue_later(self.dense_queue, pooled, tags)
        share = self.run.densecl.dense_weight if step >= self.run.densecl.dense_from_step else 0.0
        loss = (1 - share) * contrast.loss + share * dense
        return StepLosses(loss, {**contrast.parts(), "loss_dense": dense.detach()})

    def _dense(self, query: DenseEmbeddings, keys: DenseEmbeddings, batch: PairBatch) -> Tensor:
        return dense_info_nce(
            _rows(query.dense),
            _rows(keys.dense),
            match_positions(query.map_, keys.map_),
            self.dense_queue.keys,
            temperature=self.run.moco.temperature,
            key_tags=send(batch.key_tags, self.world.device),
            queue_tags=self.dense_queue.tags,
            same_tag_only=self.run.moco.negatives == "same_tag",
        )

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """Count one positive and the queue, for each image and for each position of its map."""
        whole = num_images * (run.moco.queue_length + 1)
        return whole + min(whole * positions, MAX_LOGITS)


@torch.no_grad()
def match_positions(query_map: Tensor, key_map: Tensor) -> Tensor:
    """The position of the key's map that is most alike, by cosine, to each of the query's (equation 4).

    Args:
        query_map: last map of the trunk, shape (N, C, H, W).
        key_map: the same of the other view.

    Returns:
        Indices into the key's H * W positions, shape (N, H * W), int64.
    """
    queries = F.normalize(widened(query_map).flatten(2), dim=1)
    keys = F.normalize(widened(key_map).flatten(2), dim=1)
    return torch.bmm(queries.transpose(1, 2), keys).argmax(dim=2)


def dense_info_nce(
    queries: Tensor,
    keys: Tensor,
    matches: Tensor,
    queue: Tensor,
    *,
    temperature: float,
    key_tags: Tensor,
    queue_tags: Tensor,
    same_tag_only: bool = False,
    max_logits: int = MAX_LOGITS,
) -> Tensor:
    """InfoNCE of every position against its match and a queue of pooled keys, the mean over images and positions.

    Where the logits would not fit, rows are taken in parts whose logits are computed again in the backward pass.

    Args:
        queries: unit vectors, shape (N, S, D).
        keys: unit vectors without gradient, shape (N, S, D).
        matches: which key each query is contrasted with, shape (N, S), from `match_positions`.
        queue: unit vectors, one for each image, shape (K, D).
        temperature: T.
        key_tags: view tags of the keys' images, shape (N,).
        queue_tags: of the queue, shape (K,).
        same_tag_only: count as negatives only keys with the positive key's tag.
        max_logits: what fits.
    """
    count, positions, dims = queries.shape
    positives = torch.gather(keys, 1, matches[:, :, None].expand(-1, -1, dims))

    def loss_of(some_queries: Tensor, some_keys: Tensor, tags: Tensor) -> Tensor:
        tags = tags.repeat_interleave(positions)
        return info_nce_loss(
            some_queries.reshape(-1, dims),
            some_keys.reshape(-1, dims),
            queue,
            temperature=temperature,
            key_tags=tags,
            queue_tags=queue_tags if same_tag_only else None,
        )

    rows = max(1, max_logits // (positions * (len(queue) + 1)))
    if rows >= count:
        return loss_of(queries, positives, key_tags)
    parts = zip(*(torch.split(values, rows) for values in (queries, positives, key_tags)), strict=True)
    losses = [len(tags) * checkpoint(loss_of, q, k, tags, use_reentrant=False) for q, k, tags in parts]
    return torch.stack(losses).sum() / count


def _rows(dense: Tensor) -> Tensor:
    """Maps, shape (N, D, H, W), as unit vectors by position, shape (N, H * W, D)."""
    return F.normalize(dense.flatten(2), dim=1).transpose(1, 2)
