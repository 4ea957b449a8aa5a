"""MoCo-v2 (Chen et al. 2020, arXiv:2003.04297) with OAC's heads and losses (Mishra et al. 2022, sections 4.1, 4.2)."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.precision import widened
from objectcrop.ssl.methods.method import Setup, StepLosses
from objectcrop.ssl.methods.momentum_contrast import MomentumContrast
from objectcrop.ssl.networks.backbones import View
from objectcrop.ssl.networks.heads import build_projector
from objectcrop.ssl.samples.batches import PairBatch
from objectcrop.study.settings.runs import Run


class Encoded(NamedTuple):
    """What an encoder makes of images: unit vectors, float32, shape (N, D)."""

    embeddings: Tensor


class Encoder(nn.Module):
    """Trunk and projector."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        settings = setup.run.moco
        self.backbone = setup.build_trunk(settings.batch_norm_group)
        self.projector = build_projector(self.backbone.num_features, settings)

    def forward(self, images: Tensor, tags: Tensor) -> tuple[View, Encoded]:
        """The view, and its embeddings by the projector of its tags, of uint8 images."""
        view = self.backbone.view(images)
        return view, Encoded(F.normalize(widened(self.projector(view.features, tags)), dim=1))


class MocoV2(MomentumContrast):
    """Query network, key encoder and queue."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, Encoder(setup))
        (self.queue,) = self.fresh_queues(1)
        self.settle()

    def own_losses(self, outputs: Encoded, batch: PairBatch, step: int) -> StepLosses:
        """InfoNCE against the queue; moves the key encoder and the queue."""
        keys: Tensor = self.encode_keys(batch, step).embeddings
        contrast = self.contrast(outputs.embeddings, keys, batch)
        self.queue.enqueue(self.world.gather(keys), self.world.gather(batch.key_tags))
        return StepLosses(contrast.loss, contrast.parts())

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """One positive and the queue, for each image."""
        return num_images * (run.moco.queue_length + 1)
