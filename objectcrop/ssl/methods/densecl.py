"""DenseCL (Wang et al. 2021, arXiv:2011.09157), from the paper's formulas, with OAC's heads and losses."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.contrastive import InfoNce, info_nce
from objectcrop.ssl.losses.dense import dense_info_nce, match_positions
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.losses.widening import widened
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.methods.queue import Queue
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.networks.batch_norm import running_statistics_kept
from objectcrop.ssl.networks.heads import build_dense_projector, build_projector
from objectcrop.ssl.networks.momentum import MomentumPair
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.ssl.samples.shuffle import encode_shuffled, key_permutation
from objectcrop.study.settings.runs import Run
from objectcrop.views.plan import view_tag


class Encoded(NamedTuple):
    """What an encoder says of images.

    Attributes:
        features: pooled over the trunk's last map, shape (N, C).
        embeddings: of the global head, unit vectors, shape (N, D).
        map_: the trunk's last map, shape (N, C, H, W).
        dense: of the dense head, of any length, shape (N, D, H, W).
    """

    features: Tensor
    embeddings: Tensor
    map_: Tensor
    dense: Tensor


class Encoder(nn.Module):
    """Trunk, global head and dense head."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.backbone = build_backbone(run.backbone, run.moco.batch_norm_group)
        self.projector = build_projector(self.backbone.num_features, run.moco)
        self.dense_projector = build_dense_projector(self.backbone.num_features, run.moco)

    def forward(self, images: Tensor, tags: Tensor) -> Encoded:
        """Both heads' embeddings."""
        map_ = self.backbone.forward_map(images)
        features = map_.mean(dim=(2, 3))
        embeddings = F.normalize(widened(self.projector(features, tags)), dim=1)
        return Encoded(features, embeddings, map_, widened(self.dense_projector(map_, tags)))


class Outputs(NamedTuple):
    """What the network says of a batch."""

    query: Encoded
    extra: ExtraLogits


class QueryNetwork(nn.Module):
    """All that is trained by gradients."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.encoder = Encoder(run)
        self.extra = ExtraHeads(self.encoder.backbone.num_features, run.losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """The queries and, where their losses are on, logits of turns and of cells."""
        images = normalise(batch.query)
        query: Encoded = self.encoder(images, batch.query_tags)
        if not self.extra.are_on:
            return Outputs(query, NO_LOGITS)
        key = normalise(batch.key)
        with running_statistics_kept(self.encoder.backbone):
            other = View(key, self.encoder.backbone(key))
        views = View(images, query.features), other
        return Outputs(query, self.extra(self.encoder.backbone, batch, *views))


class Keys(NamedTuple):
    """What the key encoder says of a batch, in the order of its queries.

    Attributes:
        embeddings: of the global head, unit vectors, shape (N, D).
        dense: of the dense head, unit vectors, shape (N, S, D).
        pooled: of the dense head, averaged over positions, then of length 1, shape (N, D).
        map_: the trunk's last map, shape (N, C, H, W).
    """

    embeddings: Tensor
    dense: Tensor
    pooled: Tensor
    map_: Tensor


class DenseCl(Method):
    """Query network, key encoder, and two queues: of the keys, and of the pooled dense keys, one for each image.

    The order of a step is MoCo's: queries, momentum update, keys (shuffled), losses against the old queues, enqueue.
    """

    def __init__(self, run: Run, *, seeds: Seeds, world: World) -> None:
        super().__init__()
        self.run, self.world, self._seeds = run, world, seeds
        self.network = QueryNetwork(run)
        pair = MomentumPair(self.network.encoder, run.moco.momentum)
        self.key_encoder = pair.key
        tags = sorted({view_tag(region) for region in run.views.regions})
        self.queue, self.dense_queue = (
            Queue(run.moco.queue_length, run.moco.embedding_dims, first_tags=tags, seed=seed)
            for seed in seeds.torch_seeds("queue", count=2)
        )
        self._pair = (pair,)
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The query encoder's trunk."""
        return self.network.encoder.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step; moves the key encoder and the queues."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
        self._pair[0].update()
        keys = self._encode_keys(batch, step)
        whole, dense = self._global_loss(outputs.query, keys, batch), self._dense_loss(outputs.query, keys, batch)
        tags = self.world.gather(batch.key_tags)
        self.queue.enqueue(self.world.gather(keys.embeddings), tags)
        self.dense_queue.enqueue(self.world.gather(keys.pooled), tags)
        share = self.run.densecl.dense_weight if step >= self.run.densecl.dense_from_step else 0.0
        loss = (1 - share) * whole.loss + share * dense
        total, more = add_extra_losses(loss, outputs.extra, batch, self.run.losses)
        parts = {
            "loss_contrastive": whole.loss.detach(),
            "loss_dense": dense.detach(),
            "accuracy_contrastive": whole.accuracy,
            "similarity_positive": whole.similarity_positive,
            "similarity_same_tag": whole.similarity_same_tag,
            "similarity_other_tag": whole.similarity_other_tag,
        }
        return StepLosses(total, {"loss": total.detach(), **parts, **more})

    def _global_loss(self, query: Encoded, keys: Keys, batch: PairBatch) -> InfoNce:
        return info_nce(
            query.embeddings,
            keys.embeddings,
            # cloned: the rows are overwritten before the backward pass has read them
            self.queue.keys.clone(),
            temperature=self.run.moco.temperature,
            query_tags=batch.query_tags,
            key_tags=batch.key_tags,
            queue_tags=self.queue.tags,
            same_tag_only=self.run.moco.negatives == "same_tag",
        )

    def _dense_loss(self, query: Encoded, keys: Keys, batch: PairBatch) -> Tensor:
        return dense_info_nce(
            _rows(query.dense),
            keys.dense,
            match_positions(query.map_, keys.map_),
            self.dense_queue.keys.clone(),
            temperature=self.run.moco.temperature,
            key_tags=batch.key_tags,
            queue_tags=self.dense_queue.tags.clone(),
            same_tag_only=self.run.moco.negatives == "same_tag",
        )

    def _encode_keys(self, batch: PairBatch, step: int) -> Keys:
        shapes: list[torch.Size] = []

        def encode(images: Tensor, tags: Tensor) -> Tensor:
            with precision(self.run, self.world):
                found: Encoded = self.key_encoder(normalise(images), tags)
            parts = found.embeddings, found.dense, found.map_
            shapes.extend(part.shape[1:] for part in parts)
            # one row for each image, so that all of it comes back in order at once
            return torch.cat([widened(part).flatten(1) for part in parts], dim=1)

        permutation = key_permutation(self._seeds, step, len(batch.key) * self.world.size)
        rows = encode_shuffled(encode, batch, permutation, self.world)
        pieces = torch.split(rows, [shape.numel() for shape in shapes], dim=1)
        embeddings, dense, map_ = (piece.reshape(-1, *shape) for piece, shape in zip(pieces, shapes, strict=True))
        return Keys(embeddings, _rows(dense), F.normalize(dense.mean(dim=(2, 3)), dim=1), map_)


def _rows(dense: Tensor) -> Tensor:
    """Maps, shape (N, D, H, W), as unit vectors by position, shape (N, H * W, D)."""
    return F.normalize(dense.flatten(2), dim=1).transpose(1, 2)
