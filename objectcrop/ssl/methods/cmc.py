"""CMC (Tian et al. 2020, arXiv:1906.05849) over luminance and chrominance, with OAC's heads and losses.

What is exported and evaluated is the trunk of both: two networks of half the width whose features are concatenated, as CMC's
probe does.
"""

from contextlib import nullcontext
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.losses.widening import widened
from objectcrop.ssl.methods.memory_bank import MemoryBank, draw_negatives
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.networks.backbones import Backbone, ColorPair, build_backbone
from objectcrop.ssl.networks.batch_norm import running_statistics_kept
from objectcrop.ssl.networks.heads import build_bank_head
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.study.settings.runs import Run


class Outputs(NamedTuple):
    """What the network says of a batch: unit vectors of either kind of view, shape (N, D)."""

    luminance: Tensor
    chrominance: Tensor
    extra: ExtraLogits


class ColorNetwork(nn.Module):
    """All that is trained by gradients: both trunks, and a linear head on each."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        backbone = build_backbone(run.backbone)
        assert isinstance(backbone, ColorPair)
        self.backbone, self.crops = backbone, run.cmc.crops
        self.luminance_head = build_bank_head(backbone.luminance.num_features, run.cmc)
        self.chrominance_head = build_bank_head(backbone.chrominance.num_features, run.cmc)
        self.extra = ExtraHeads(backbone.num_features, run.losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings of luminance (of the query) and of chrominance (of the query or the key), and logits of the extra losses."""
        query = normalise(batch.query)
        features = self.backbone(query)
        luminance, chrominance = self._halves(features)
        chrominance_tags, extra = batch.query_tags, NO_LOGITS
        if self.extra.are_on or self.crops == "two":
            key = normalise(batch.key)
            # of one crop the key is seen for the extra losses alone
            with running_statistics_kept(self.backbone) if self.crops == "one" else nullcontext():
                other = self.backbone(key)
            if self.crops == "two":
                chrominance, chrominance_tags = self._halves(other)[1], batch.key_tags
            if self.extra.are_on:
                extra = self.extra(self.backbone, batch, View(query, features), View(key, other))
        return Outputs(
            F.normalize(widened(self.luminance_head(luminance, batch.query_tags)), dim=1),
            F.normalize(widened(self.chrominance_head(chrominance, chrominance_tags)), dim=1),
            extra,
        )

    def _halves(self, features: Tensor) -> tuple[Tensor, Tensor]:
        width = self.backbone.luminance.num_features
        return features[:, :width], features[:, width:]


class Cmc(Method):
    """Network, and a memory bank of either kind of view with a row for each picture; each kind is held against the other's."""

    def __init__(self, run: Run, *, seeds: Seeds, world: World, num_images: int) -> None:
        super().__init__()
        self.run, self.world, self._seeds = run, world, seeds
        self.network = ColorNetwork(run)
        self.luminance_bank, self.chrominance_bank = (
            MemoryBank(num_images, run.cmc.embedding_dims, momentum=run.cmc.bank_momentum, seed=seed)
            for seed in seeds.torch_seeds("bank", count=2)
        )
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The trunk of both kinds of view."""
        return self.network.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step, over both directions; moves the memory banks."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
        negatives = self._negatives(step)
        losses, hits = [], []
        directions = (outputs.luminance, self.chrominance_bank), (outputs.chrominance, self.luminance_bank)
        for queries, bank in directions:
            loss, accuracy = bank.contrast(queries, batch.rows, negatives, self.run.cmc, self.world)
            losses.append(loss)
            hits.append(accuracy)
        self._remember(outputs, batch)
        total, more = add_extra_losses(losses[0] + losses[1], outputs.extra, batch, self.run.losses)
        parts = {
            "loss_luminance": losses[0].detach(),
            "loss_chrominance": losses[1].detach(),
            "accuracy_contrastive": (hits[0] + hits[1]) / 2,
        }
        return StepLosses(total, {"loss": total.detach(), **parts, **more})

    def _negatives(self, step: int) -> Tensor:
        length, wanted = len(self.luminance_bank.rows), self.run.cmc.num_negatives
        return draw_negatives(length, wanted, step, self._seeds).to(self.world.device)

    def _remember(self, outputs: Outputs, batch: PairBatch) -> None:
        places = self.world.gather(batch.rows)
        self.luminance_bank.update(places, self.world.gather(outputs.luminance))
        self.chrominance_bank.update(places, self.world.gather(outputs.chrominance))
