"""InsDis (Wu et al. 2018, arXiv:1805.01978): a memory bank distinguishes each image from all others. With OAC's losses."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.heads import build_bank_head
from objectcrop.runtime.precision import widened
from objectcrop.runtime.transfer import send
from objectcrop.ssl.methods.memory_bank import MemoryBank, draw_negatives
from objectcrop.ssl.methods.method import Method, Outputs, Setup, StepLosses
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch


class InstanceNetwork(nn.Module):
    """All that is trained by gradients: the trunk and a linear head."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.backbone, self.crops = setup.build_trunk(), setup.run.insdis.crops
        width = self.backbone.num_features
        self.head = build_bank_head(width, setup.run.insdis)
        self.extra = setup.build_extra_heads(width)

    def forward(self, batch: PairBatch) -> Outputs:
        """Unit vectors of the queries, and of the keys where both count, shape (V, N, D), and logits of the extra losses."""
        query, key = self.backbone.view(batch.query), None
        embeddings = [self.head(query.features, batch.query_tags)]
        if self.crops == "two":
            key = self.backbone.view(batch.key)
            embeddings.append(self.head(key.features, batch.key_tags))
        extra = self.extra(self.backbone, batch, query, key)
        return Outputs(F.normalize(widened(torch.stack(embeddings)), dim=2), extra)


class Insdis(Method):
    """Network, and a memory bank with a row for each image, which stands for the image's earlier views."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.network, settings = InstanceNetwork(setup), setup.run.insdis
        dims, seed = settings.embedding_dims, self.seeds.torch_seed("bank")
        self.bank = MemoryBank(setup.num_samples, dims, momentum=settings.bank_momentum, seed=seed)
        self.settle()

    def own_losses(self, outputs: Tensor, batch: PairBatch, step: int) -> StepLosses:
        """Compute the loss against the memory bank, and the proximal term; update the bank."""
        settings = self.run.insdis
        queries, places = outputs.flatten(0, 1), batch.rows.repeat(len(outputs))
        drawn = send(draw_negatives(len(self.bank.rows), settings.num_negatives, step, self.seeds), self.world.device)
        way = (queries - self.bank.rows[places]).square().sum(dim=1).mean()
        loss, accuracy = self.bank.contrast(queries, places, drawn, settings, self.world)
        # a row goes towards both views at once: updates one after the other would favour the last
        self.bank.update(self.world.gather(batch.rows), self.world.gather(outputs.mean(dim=0)))
        parts = {"loss_instance": loss.detach(), "accuracy_contrastive": accuracy, "row_distance": way.detach()}
        return StepLosses(loss + settings.proximal_weight * way, parts)

    @classmethod
    def sees_both_views(cls, run: Run) -> bool:
        """Return whether the key is contrasted with the row too."""
        return run.insdis.crops == "two"

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """Count the logits of each view that counts."""
        return (1 + cls.sees_both_views(run)) * num_images * run.insdis.num_negatives
