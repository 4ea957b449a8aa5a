"""CMC (Tian et al. 2020, arXiv:1906.05849) over luminance and chrominance, with OAC's heads and losses.

What is exported and evaluated is the trunk of both: two networks of half the width whose features are concatenated, as CMC's
probe does.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.backbones import ColorPair
from objectcrop.networks.heads import build_bank_head
from objectcrop.runtime.precision import widened
from objectcrop.runtime.transfer import send
from objectcrop.ssl.methods.memory_bank import MemoryBank, draw_negatives
from objectcrop.ssl.methods.method import Method, Outputs, Setup, StepLosses
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch


class Embeddings(NamedTuple):
    """Unit vectors of either kind of view, shape (N, D)."""

    luminance: Tensor
    chrominance: Tensor


class ColorNetwork(nn.Module):
    """All that is trained by gradients: both trunks, and a linear head on each."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        backbone, settings = setup.build_trunk(), setup.run.cmc
        assert isinstance(backbone, ColorPair)
        self.backbone, self.crops = backbone, settings.crops
        self.luminance_head = build_bank_head(backbone.luminance.num_features, settings)
        self.chrominance_head = build_bank_head(backbone.chrominance.num_features, settings)
        self.extra = setup.build_extra_heads(backbone.num_features)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings of luminance (of the query) and of chrominance (of the query or the key), and logits of the extra losses."""
        query, key = self.backbone.view(batch.query), None
        luminance, chrominance = self._halves(query.features)
        tags = batch.query_tags
        if self.crops == "two":
            key = self.backbone.view(batch.key)
            chrominance, tags = self._halves(key.features)[1], batch.key_tags
        extra = self.extra(self.backbone, batch, query, key)
        embeddings = Embeddings(
            F.normalize(widened(self.luminance_head(luminance, batch.query_tags)), dim=1),
            F.normalize(widened(self.chrominance_head(chrominance, tags)), dim=1),
        )
        return Outputs(embeddings, extra)

    def _halves(self, features: Tensor) -> tuple[Tensor, Tensor]:
        width = self.backbone.luminance.num_features
        return features[:, :width], features[:, width:]


class Cmc(Method):
    """Network, and a memory bank of either kind of view with a row for each image; each kind is contrasted with the other's."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.network, settings = ColorNetwork(setup), setup.run.cmc
        self.luminance_bank, self.chrominance_bank = (
            MemoryBank(setup.num_samples, settings.embedding_dims, momentum=settings.bank_momentum, seed=seed)
            for seed in self.seeds.torch_seeds("bank", count=2)
        )
        self.settle()

    def own_losses(self, outputs: Embeddings, batch: PairBatch, step: int) -> StepLosses:
        """Compute the loss of both directions; update the memory banks."""
        negatives = self._negatives(step)
        losses, hits = [], []
        directions = (outputs.luminance, self.chrominance_bank), (outputs.chrominance, self.luminance_bank)
        for queries, bank in directions:
            loss, accuracy = bank.contrast(queries, batch.rows, negatives, self.run.cmc, self.world)
            losses.append(loss)
            hits.append(accuracy)
        self._remember(outputs, batch)
        parts = {
            "loss_luminance": losses[0].detach(),
            "loss_chrominance": losses[1].detach(),
            "accuracy_contrastive": (hits[0] + hits[1]) / 2,
        }
        return StepLosses(losses[0] + losses[1], parts)

    def _negatives(self, step: int) -> Tensor:
        length, wanted = len(self.luminance_bank.rows), self.run.cmc.num_negatives
        return send(draw_negatives(length, wanted, step, self.seeds), self.world.device)

    def _remember(self, outputs: Embeddings, batch: PairBatch) -> None:
        places = self.world.gather(batch.rows)
        self.luminance_bank.update(places, self.world.gather(outputs.luminance))
        self.chrominance_bank.update(places, self.world.gather(outputs.chrominance))

    @classmethod
    def sees_both_views(cls, run: Run) -> bool:
        """Return whether chrominance is of the key."""
        return run.cmc.crops == "two"

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """Count the logits of both directions."""
        return 2 * num_images * run.cmc.num_negatives
