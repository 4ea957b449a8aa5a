"""SwAV (Caron et al. 2020, arXiv:2006.09882), from the paper's formulas, with OAC's heads and losses."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.heads import build_swav_projector, routed
from objectcrop.runtime.precision import widened
from objectcrop.ssl.methods.method import Method, Outputs, Setup, StepLosses
from objectcrop.ssl.methods.queue import Queue
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch
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
        """Scale the prototypes to length 1."""
        self.weight.copy_(F.normalize(self.weight, dim=1))


class Crops(NamedTuple):
    """What the network makes of the query, of the key, then of each small crop: unit vectors, and cosines to the prototypes."""

    embeddings: tuple[Tensor, ...]
    scores: tuple[Tensor, ...]


class SwavNetwork(nn.Module):
    """All that is trained by gradients. Crops of one size go through the trunk together, all crops through the projector."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        settings = setup.run.swav
        self.backbone = setup.build_trunk(is_global=True)
        width = self.backbone.num_features
        self.projector = routed(
            lambda: build_swav_projector(width, settings.hidden_dims, settings.embedding_dims), settings.heads
        )
        self.prototypes = Prototypes(settings.num_prototypes, settings.embedding_dims)
        self.extra = setup.build_extra_heads(width)

    def forward(self, batch: PairBatch) -> Outputs:
        """Embeddings and scores of every crop and, where their losses are on, logits of rotations and of cells."""
        large = self.backbone.view(torch.cat([batch.query, batch.key]))
        features, tags = [large.features], [batch.query_tags, batch.key_tags]
        if batch.small is not None:
            count = batch.small.shape[1]
            # crop by crop, not image by image
            features.append(self.backbone.view(batch.small.transpose(0, 1).flatten(0, 1)).features)
            tags += [torch.full_like(batch.query_tags, SCENE_TAG)] * count
        embeddings = F.normalize(widened(self.projector(torch.cat(features), torch.cat(tags))), dim=1)
        scores = self.prototypes(embeddings)
        crops = Crops(embeddings.chunk(len(tags)), scores.chunk(len(tags)))
        return Outputs(crops, self.extra(self.backbone, batch, *large.halves()))


class Swav(Method):
    """Network, and queues of earlier embeddings of either view, where they are on."""

    network: SwavNetwork

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.network = SwavNetwork(setup)
        self._steps_per_epoch = setup.num_samples // self.run.optimizer.global_batch_size
        length, dims = self.run.swav.queue_length, self.run.swav.embedding_dims
        seeds = self.seeds.torch_seeds("queue", count=2) if length else []
        self.queues = nn.ModuleList(Queue(length, dims, first_tags=[SCENE_TAG], seed=seed) for seed in seeds)
        self.settle()

    def own_losses(self, outputs: Crops, batch: PairBatch, step: int) -> StepLosses:
        """Compute the swapped prediction of every crop; update the queues."""
        codes = [self._codes(outputs.scores[view], view, step) for view in range(2)]
        for view, queue in enumerate(self._queues()):
            rows = self.world.gather(outputs.embeddings[view])
            queue.enqueue(rows, torch.full((len(rows),), SCENE_TAG, device=rows.device))
        loss = swapped_prediction(outputs.scores, codes, temperature=self.run.swav.temperature)
        hits = outputs.scores[0].detach().argmax(dim=1) == codes[1].argmax(dim=1)
        return StepLosses(loss, {"loss_swapped": loss.detach(), "accuracy_swapped": hits.float().mean()})

    def before_optimizer(self, step: int) -> None:
        """Keep the prototypes as they are in the first steps."""
        if step < self.run.swav.frozen_prototype_steps:
            self.network.prototypes.weight.grad = None

    def after_step(self, step: int, total_steps: int) -> None:
        """Scale the prototypes to length 1."""
        if step >= self.run.swav.frozen_prototype_steps:
            self.network.prototypes.normalise()

    def uses_queue(self, step: int) -> bool:
        """Return whether codes of this step are made with the queues: from their epoch on, once they are full."""
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

    @classmethod
    def sees_both_views(cls, run: Run) -> bool:
        """Return True: one pass computes both views."""
        return True

    @classmethod
    def find_warnings(cls, run: Run, *, num_images: int, world_size: int) -> list[str]:
        """Warn of prototypes too few for the embeddings."""
        count, dims = run.swav.num_prototypes, run.swav.embedding_dims
        if count > dims:
            return []
        return [
            f"swav.num_prototypes {count} is not above embedding_dims {dims}: embeddings can turn at right angles to all"
            " prototypes, and the loss sticks at the logarithm of their number"
        ]


def _as_it_is(values: Tensor) -> Tensor:
    return values


@torch.no_grad()
def sinkhorn(
    scores: Tensor,
    *,
    epsilon: float,
    num_iterations: int,
    summed: Callable[[Tensor], Tensor] = _as_it_is,
) -> Tensor:
    """Soft assignments of embeddings to prototypes that use all prototypes equally (equations 3 to 5).

    Args:
        scores: cosines of this process's embeddings and the prototypes, shape (B, K); not divided by a temperature.
        epsilon: smoothness; smaller is sharper.
        num_iterations: of the Sinkhorn-Knopp scaling.
        summed: adds a tensor up over the processes, whose rows together are the batch.

    Returns:
        Codes of this process's rows, shape (B, K); every row adds up to 1.
    """
    plan = torch.exp(widened(scores) / epsilon)
    num_rows = summed(torch.full((), float(len(plan)), dtype=plan.dtype, device=plan.device))
    plan = plan / summed(plan.sum())
    for _ in range(num_iterations):
        plan = plan / summed(plan.sum(dim=0)) / plan.shape[1]
        plan = plan / plan.sum(dim=1, keepdim=True) / num_rows
    return plan * num_rows


def swapped_prediction(scores: Sequence[Tensor], codes: Sequence[Tensor], *, temperature: float) -> Tensor:
    """Return the cross-entropy of each crop's prediction and the codes of another crop (equations 1, 6).

    The mean over the crops with codes of the mean over all other crops.

    Args:
        scores: cosines of each crop's embeddings and the prototypes, shape (N, K) each.
        codes: of the first of these crops, shape (N, K) each, without gradient.
        temperature: T of the softmax.
    """
    predictions = [torch.log_softmax(widened(cosines) / temperature, dim=1) for cosines in scores]
    losses = [
        -(code * prediction).sum(dim=1).mean()
        for target, code in enumerate(codes)
        for crop, prediction in enumerate(predictions)
        if crop != target
    ]
    return torch.stack(losses).mean()
