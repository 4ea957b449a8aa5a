"""SwAV (Caron et al. 2020, arXiv:2006.09882), from the paper's formulas, with OAC's heads and losses."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.losses.prototypes import sinkhorn, swapped_prediction
from objectcrop.ssl.losses.widening import widened
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.methods.queue import Queue
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.networks.batch_norm import GlobalBatchNorm2d
from objectcrop.ssl.networks.heads import build_swav_projector, routed
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.study.settings.runs import Run
from objectcrop.views.plan import SCENE_TAG


class Prototypes(nn.Module):
    """K unit vectors."""

    def __init__(self, count: int, dims: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.randn(count, dims), dim=1))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Cosines, shape (N, K), of unit vectors, shape (N, D); in float32 also under autocast, as exp(score / 0.05) follows."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return widened(embeddings) @ self.weight.T

    @torch.no_grad()
    def normalise(self) -> None:
        """Back to length 1."""
        self.weight.copy_(F.normalize(self.weight, dim=1))


class Outputs(NamedTuple):
    """What the network says of a batch: of the query, of the key, then of each small crop."""

    embeddings: tuple[Tensor, ...]
    scores: tuple[Tensor, ...]
    extra: ExtraLogits


class SwavNetwork(nn.Module):
    """All that is trained by gradients. Crops of one size go through the trunk together, all crops through the projector."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        settings = run.swav
        self.backbone = build_backbone(run.backbone, norm_layer=GlobalBatchNorm2d)
        width = self.backbone.num_features
        self.projector = routed(
            lambda: build_swav_projector(width, settings.hidden_dims, settings.embedding_dims), settings.heads
        )
        self.prototypes = Prototypes(settings.num_prototypes, settings.embedding_dims)
        self.extra = ExtraHeads(width, run.losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings and scores of every crop and, where their losses are on, logits of turns and of cells."""
        query, key = normalise(batch.query), normalise(batch.key)
        large = self.backbone(torch.cat([query, key]))
        features, tags = [large], [batch.query_tags, batch.key_tags]
        if batch.small is not None:
            count = batch.small.shape[1]
            # crop by crop, not picture by picture
            features.append(self.backbone(normalise(batch.small.transpose(0, 1).flatten(0, 1))))
            tags += [torch.full_like(batch.query_tags, SCENE_TAG)] * count
        embeddings = F.normalize(widened(self.projector(torch.cat(features), torch.cat(tags))), dim=1)
        scores = self.prototypes(embeddings)
        extra = NO_LOGITS
        if self.extra.are_on:
            views = (View(images, part) for images, part in zip((query, key), large.chunk(2), strict=True))
            extra = self.extra(self.backbone, batch, *views)
        return Outputs(embeddings.chunk(len(tags)), scores.chunk(len(tags)), extra)


class Swav(Method):
    """Network, and queues of earlier embeddings of either view, where they are on."""

    def __init__(self, run: Run, *, seeds: Seeds, world: World, steps_per_epoch: int) -> None:
        super().__init__()
        self.run, self.world, self._steps_per_epoch = run, world, steps_per_epoch
        self.network = SwavNetwork(run)
        length, dims = run.swav.queue_length, run.swav.embedding_dims
        queue_seeds = seeds.torch_seeds("queue", count=2) if length else []
        self.queues = nn.ModuleList(Queue(length, dims, first_tags=[SCENE_TAG], seed=seed) for seed in queue_seeds)
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The network's trunk."""
        return self.network.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step; moves the queues."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
        codes = [self._codes(outputs.scores[view], view, step) for view in range(2)]
        for view, queue in enumerate(self._queues()):
            rows = self.world.gather(outputs.embeddings[view])
            queue.enqueue(rows, torch.full((len(rows),), SCENE_TAG, device=rows.device))
        loss = swapped_prediction(outputs.scores, codes, temperature=self.run.swav.temperature)
        total, more = add_extra_losses(loss, outputs.extra, batch, self.run.losses)
        hits = outputs.scores[0].detach().argmax(dim=1) == codes[1].argmax(dim=1)
        parts = {"loss_swapped": loss.detach(), "accuracy_swapped": hits.float().mean()}
        return StepLosses(total, {"loss": total.detach(), **parts, **more})

    def before_optimizer(self, step: int) -> None:
        """Keep the prototypes as they are in the first steps."""
        if step < self.run.swav.frozen_prototype_steps:
            self.network.prototypes.weight.grad = None

    def after_step(self, step: int, total_steps: int) -> None:
        """Bring the prototypes back to length 1."""
        if step >= self.run.swav.frozen_prototype_steps:
            self.network.prototypes.normalise()

    def uses_queue(self, step: int) -> bool:
        """Whether codes of this step are made with the queues: from their epoch on, once they are full."""
        settings = self.run.swav
        is_full = step * self.run.optimizer.global_batch_size >= settings.queue_length > 0
        return is_full and step >= settings.queue_from_epoch * self._steps_per_epoch

    def _queues(self) -> list[Queue]:
        return [queue for queue in self.queues if isinstance(queue, Queue)]

    @torch.no_grad()
    def _codes(self, scores: Tensor, view: int, step: int) -> Tensor:
        count = len(scores)
        if self.uses_queue(step):
            # every process holds the whole queue and takes its share of it
            share = self._queues()[view].keys.tensor_split(self.world.size)[self.world.rank]
            scores = torch.cat([scores, self.network.prototypes(share)])
        codes = sinkhorn(
            scores.detach(),
            epsilon=self.run.swav.epsilon,
            num_iterations=self.run.swav.sinkhorn_iterations,
            summed=lambda values: self.world.mean(values) * self.world.size,
        )
        return codes[:count]
