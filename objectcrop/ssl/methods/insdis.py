"""InsDis (Wu et al. 2018, arXiv:1805.01978), each picture told from all others by a memory bank, with OAC's heads and losses."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.losses.widening import widened
from objectcrop.ssl.methods.memory_bank import MemoryBank, draw_negatives
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.networks.batch_norm import running_statistics_kept
from objectcrop.ssl.networks.heads import build_bank_head
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.study.settings.runs import Run


class Outputs(NamedTuple):
    """What the network says of a batch: unit vectors of its queries, and of its keys where both count, shape (V, N, D)."""

    embeddings: Tensor
    extra: ExtraLogits


class InstanceNetwork(nn.Module):
    """All that is trained by gradients: the trunk and a linear head."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.backbone, self.crops = build_backbone(run.backbone), run.insdis.crops
        width = self.backbone.num_features
        self.head = build_bank_head(width, run.insdis)
        self.extra = ExtraHeads(width, run.losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings and, where their losses are on, logits of turns and of cells."""
        query = normalise(batch.query)
        features = self.backbone(query)
        embeddings, extra = [self.head(features, batch.query_tags)], NO_LOGITS
        if self.extra.are_on or self.crops == "two":
            key = normalise(batch.key)
            # of one crop the key is seen for the extra losses alone
            with running_statistics_kept(self.backbone) if self.crops == "one" else nullcontext():
                other = self.backbone(key)
            if self.crops == "two":
                embeddings.append(self.head(other, batch.key_tags))
            if self.extra.are_on:
                extra = self.extra(self.backbone, batch, View(query, features), View(key, other))
        return Outputs(F.normalize(widened(torch.stack(embeddings)), dim=2), extra)


class Insdis(Method):
    """Network, and a memory bank with a row for each picture, which stands for the picture's earlier views."""

    def __init__(self, run: Run, *, seeds: Seeds, world: World, num_images: int) -> None:
        super().__init__()
        self.run, self.world, self._seeds = run, world, seeds
        self.network = InstanceNetwork(run)
        seed = seeds.torch_seed("bank")
        settings = run.insdis
        self.bank = MemoryBank(num_images, settings.embedding_dims, momentum=settings.bank_momentum, seed=seed)
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The network's trunk."""
        return self.network.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step; moves the memory bank."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
        settings, views = self.run.insdis, len(outputs.embeddings)
        drawn = draw_negatives(len(self.bank.rows), settings.num_negatives, step, self._seeds).to(self.world.device)
        queries, places = outputs.embeddings.flatten(0, 1), batch.rows.repeat(views)
        way = (queries - self.bank.rows[places]).square().sum(dim=1).mean()
        loss, accuracy = self.bank.contrast(queries, places, drawn, settings, self.world)
        # a row goes towards both views at once: updates one after the other would favour the last
        self.bank.update(self.world.gather(batch.rows), self.world.gather(outputs.embeddings.mean(dim=0)))
        own = loss + settings.proximal_weight * way
        total, more = add_extra_losses(own, outputs.extra, batch, self.run.losses)
        parts = {"loss_instance": loss.detach(), "accuracy_contrastive": accuracy, "row_distance": way.detach()}
        return StepLosses(total, {"loss": total.detach(), **parts, **more})
