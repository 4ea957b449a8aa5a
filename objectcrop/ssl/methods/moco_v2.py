"""MoCo-v2 (Chen et al. 2020, arXiv:2003.04297) with OAC's heads and losses (Mishra et al. 2022, sections 4.1, 4.2)."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.contrastive import info_nce
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.losses.widening import widened
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.methods.queue import Queue
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.networks.batch_norm import running_statistics_kept
from objectcrop.ssl.networks.heads import build_projector
from objectcrop.ssl.networks.momentum import MomentumPair
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.ssl.samples.shuffle import encode_shuffled, key_permutation
from objectcrop.study.settings.runs import LossSettings, Run
from objectcrop.views.plan import view_tag


class Encoder(nn.Module):
    """Trunk and projector."""

    def __init__(self, backbone: Backbone, projector: nn.Module) -> None:
        super().__init__()
        self.backbone, self.projector = backbone, projector

    def forward(self, images: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        """(features, embeddings of length 1 in float32)."""
        features = self.backbone(images)
        return features, F.normalize(widened(self.projector(features, tags)), dim=1)


class Outputs(NamedTuple):
    """What the network says of a batch."""

    embeddings: Tensor
    extra: ExtraLogits


class QueryNetwork(nn.Module):
    """All that is trained by gradients."""

    def __init__(self, encoder: Encoder, losses: LossSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.extra = ExtraHeads(encoder.backbone.num_features, losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings of the queries and, where their losses are on, logits of turns and of cells."""
        query = normalise(batch.query)
        features, embeddings = self.encoder(query, batch.query_tags)
        if not self.extra.are_on:
            return Outputs(embeddings, NO_LOGITS)
        key = normalise(batch.key)
        with running_statistics_kept(self.encoder.backbone):
            other = View(key, self.encoder.backbone(key))
        views = View(query, features), other
        return Outputs(embeddings, self.extra(self.encoder.backbone, batch, *views))


class MocoV2(Method):
    """Query network, key encoder and queue.

    The order of a step is the reference's: queries, momentum update, keys (shuffled), loss against the old queue, enqueue.
    """

    def __init__(self, run: Run, *, seeds: Seeds, world: World) -> None:
        super().__init__()
        self.run, self.world, self._seeds = run, world, seeds
        backbone = build_backbone(run.backbone, run.moco.batch_norm_group)
        encoder = Encoder(backbone, build_projector(backbone.num_features, run.moco))
        self.network = QueryNetwork(encoder, run.losses)
        pair = MomentumPair(encoder, run.moco.momentum)
        self.key_encoder = pair.key
        tags = sorted({view_tag(region) for region in run.views.regions})
        self.queue = Queue(
            run.moco.queue_length, run.moco.embedding_dims, first_tags=tags, seed=seeds.torch_seed("queue")
        )
        self._pair = (pair,)
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The query encoder's trunk."""
        return self.network.encoder.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step; moves the key encoder and the queue."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
        self._pair[0].update()
        keys = self._encode_keys(batch, step)
        found = info_nce(
            outputs.embeddings,
            keys,
            # cloned: the rows are overwritten before the backward pass has read them
            self.queue.keys.clone(),
            temperature=self.run.moco.temperature,
            query_tags=batch.query_tags,
            key_tags=batch.key_tags,
            queue_tags=self.queue.tags,
            same_tag_only=self.run.moco.negatives == "same_tag",
        )
        self.queue.enqueue(self.world.gather(keys), self.world.gather(batch.key_tags))
        parts = {
            "loss_contrastive": found.loss.detach(),
            "accuracy_contrastive": found.accuracy,
            "similarity_positive": found.similarity_positive,
            "similarity_same_tag": found.similarity_same_tag,
            "similarity_other_tag": found.similarity_other_tag,
        }
        total, more = add_extra_losses(found.loss, outputs.extra, batch, self.run.losses)
        return StepLosses(total, {"loss": total.detach(), **parts, **more})

    def _encode_keys(self, batch: PairBatch, step: int) -> Tensor:
        def encode(images: Tensor, tags: Tensor) -> Tensor:
            with precision(self.run, self.world):
                embeddings: Tensor = self.key_encoder(normalise(images), tags)[1]
            return embeddings

        permutation = key_permutation(self._seeds, step, len(batch.key) * self.world.size)
        return encode_shuffled(encode, batch, permutation, self.world)
