"""MoCo-v2 (Chen et al. 2020, arXiv:2003.04297) with OAC's heads and losses (Mishra et al. 2022, sections 4.1, 4.2)."""

from torch import Tensor

from objectcrop.ssl.methods.method import Setup, StepLosses
from objectcrop.ssl.methods.momentum_contrast import Encoder, EncoderEmbeddings, MomentumContrast
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch


class MocoV2(MomentumContrast):
    """Query network, key encoder and queue.

    The order of a step is the reference's: queries, momentum update, keys (shuffled), loss against the old queue, enqueue.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, Encoder(setup))
        (self.queue,) = self.fresh_queues(1)
        self.settle()

    def own_losses(self, outputs: EncoderEmbeddings, batch: PairBatch, step: int) -> StepLosses:
        """Compute InfoNCE against the queue; update the key encoder, and the queue after the step."""
        keys: Tensor = self.encode_keys(batch, step).embeddings
        contrast = self.contrast(outputs.embeddings, keys, batch)
        self.enqueue_later(self.queue, keys, self.gather_tags(batch))
        return StepLosses(contrast.loss, contrast.parts())

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """Count one positive and the queue, for each image."""
        return num_images * (run.moco.queue_length + 1)
