"""BYOL (Grill et al. 2020, arXiv:2006.07733) with OAC's heads and losses."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from objectcrop.runtime.distributed import World
from objectcrop.ssl.losses.contrastive import byol_loss
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, View, add_extra_losses
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.networks.batch_norm import GlobalBatchNorm2d
from objectcrop.ssl.networks.heads import build_byol_head, routed
from objectcrop.ssl.networks.momentum import follow, target_momentum
from objectcrop.ssl.samples.batches import PairBatch, normalise
from objectcrop.study.settings.runs import Run


class Branch(nn.Module):
    """Trunk and projector: what online and target network have in common."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.backbone = build_backbone(run.backbone, norm_layer=GlobalBatchNorm2d)
        width, settings = self.backbone.num_features, run.byol
        self.projector = routed(
            lambda: build_byol_head(width, settings.hidden_dims, settings.embedding_dims), settings.heads
        )

    def forward(self, images: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        """(features, projections)."""
        features = self.backbone(images)
        return features, self.projector(features, tags)


class Outputs(NamedTuple):
    """What the online network says of a batch."""

    query: Tensor
    key: Tensor
    extra: ExtraLogits


class OnlineNetwork(nn.Module):
    """All that is trained by gradients. Both views go through it, one after the other, each through the projector of its tag."""

    def __init__(self, branch: Branch, run: Run) -> None:
        super().__init__()
        self.branch = branch
        dims = run.byol.embedding_dims
        self.predictor = build_byol_head(dims, run.byol.hidden_dims, dims)
        self.extra = ExtraHeads(branch.backbone.num_features, run.losses)

    def forward(self, batch: PairBatch) -> Outputs:
        """Predictions of both views and, where their losses are on, logits of turns and of cells."""
        views, predictions = [], []
        for images, tags in ((batch.query, batch.query_tags), (batch.key, batch.key_tags)):
            ready = normalise(images)
            features, projections = self.branch(ready, tags)
            views.append(View(ready, features))
            predictions.append(self.predictor(projections))
        extra = self.extra(self.branch.backbone, batch, views[0], views[1]) if self.extra.are_on else NO_LOGITS
        return Outputs(predictions[0], predictions[1], extra)


class Byol(Method):
    """Online network and target network, which follows it after each optimizer step and has batch statistics of its own."""

    def __init__(self, run: Run, *, world: World) -> None:
        super().__init__()
        self.run, self.world = run, world
        self.network = OnlineNetwork(Branch(run), run)
        self.target = Branch(run).requires_grad_(False)
        if run.byol.target_start == "copy":
            self.target.load_state_dict(self.network.branch.state_dict())
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The online network's trunk."""
        return self.network.branch.backbone

    def step_losses(self, batch: PairBatch, step: int) -> StepLosses:
        """Losses of a step, over both directions."""
        with precision(self.run, self.world):
            outputs: Outputs = self._forward(batch)
            with torch.no_grad():
                query_target = self.target(normalise(batch.query), batch.query_tags)[1]
                key_target = self.target(normalise(batch.key), batch.key_tags)[1]
        loss = byol_loss(outputs.query, key_target) + byol_loss(outputs.key, query_target)
        total, more = add_extra_losses(loss, outputs.extra, batch, self.run.losses)
        # of unit vectors: |a - b|^2 = 2 - 2 cos
        parts = {"loss_prediction": loss.detach(), "similarity_positive": 1 - loss.detach() / 4}
        return StepLosses(total, {"loss": total.detach(), **parts, **more})

    def after_step(self, step: int, total_steps: int) -> None:
        """Let the target network follow."""
        follow(self.target, self.network.branch, target_momentum(self.run.byol.target_momentum, step, total_steps))
