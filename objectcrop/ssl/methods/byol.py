"""BYOL (Grill et al. 2020, arXiv:2006.07733) with OAC's heads and losses."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone, View
from objectcrop.networks.heads import build_byol_head, routed
from objectcrop.runtime.precision import widened
from objectcrop.ssl.methods.method import Method, Outputs, Setup, StepLosses, ema_update
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch


class Branch(nn.Module):
    """Trunk and projector: what online and target network have in common."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.backbone = setup.build_trunk(is_global=True)
        width, settings = self.backbone.num_features, setup.run.byol
        self.projector = routed(
            lambda: build_byol_head(width, settings.hidden_dims, settings.embedding_dims), settings.heads
        )

    def forward(self, images: Tensor, tags: Tensor) -> tuple[View, Tensor]:
        """The view, and its projections, of uint8 images."""
        view = self.backbone.view(images)
        return view, self.projector(view.features, tags)


class Predictions(NamedTuple):
    """Of either view by the online network, shape (N, D)."""

    query: Tensor
    key: Tensor


class OnlineNetwork(nn.Module):
    """All that is trained by gradients. Both views go through it, one after the other, each through the projector of its tag."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.branch = Branch(setup)
        dims = setup.run.byol.embedding_dims
        self.predictor = build_byol_head(dims, setup.run.byol.hidden_dims, dims)
        self.extra = setup.build_extra_heads(self.backbone.num_features)

    @property
    def backbone(self) -> Backbone:
        """The online network's trunk."""
        return self.branch.backbone

    def forward(self, batch: PairBatch) -> Outputs:
        """Predictions of both views and, where their losses are on, logits of rotations and of cells."""
        query, query_projections = self.branch(batch.query, batch.query_tags)
        query_predictions = self.predictor(query_projections)
        key, key_projections = self.branch(batch.key, batch.key_tags)
        predictions = Predictions(query_predictions, self.predictor(key_projections))
        return Outputs(predictions, self.extra(self.backbone, batch, query, key))


class Byol(Method):
    """Online network, and target network: its EMA after each optimizer step, with batch statistics of its own."""

    network: OnlineNetwork

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.network = OnlineNetwork(setup)
        self.target = Branch(setup).requires_grad_(False)
        if setup.run.byol.target_start == "copy":
            self.target.load_state_dict(self.network.branch.state_dict())
        self.settle()

    def own_losses(self, outputs: Predictions, batch: PairBatch, step: int) -> StepLosses:
        """The loss of both directions: each view's prediction of the target's projection of the other."""
        with self.autocast(), torch.no_grad():
            query_target = self.target(batch.query, batch.query_tags)[1]
            key_target = self.target(batch.key, batch.key_tags)[1]
        loss = byol_loss(outputs.query, key_target) + byol_loss(outputs.key, query_target)
        # of unit vectors: |a - b|^2 = 2 - 2 cos
        return StepLosses(loss, {"loss_prediction": loss.detach(), "similarity_positive": 1 - loss.detach() / 4})

    def after_step(self, step: int, total_steps: int) -> None:
        """Make the EMA update of the target network."""
        ema_update(self.target, self.network.branch, target_momentum(self.run.byol.target_momentum, step, total_steps))

    @classmethod
    def sees_both_views(cls, run: Run) -> bool:
        """Return True: it computes both directions."""
        return True


def byol_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Squared distance of unit vectors, the mean over rows, one direction (Grill et al. 2020, arXiv:2006.07733, equation 2).

    Args:
        predictions: of the online network, any length, shape (N, D).
        targets: of the target network, any length, without gradient, shape (N, D).
    """
    predictions, targets = F.normalize(widened(predictions), dim=1), F.normalize(widened(targets), dim=1)
    return (predictions - targets).square().sum(dim=1).mean()


def target_momentum(base: float, step: int, total_steps: int) -> float:
    """The momentum of a step, counted from 0: from `base` to 1 along a cosine (Grill et al. 2020, section 3.2)."""
    return 1 - (1 - base) * 0.5 * (1 + math.cos(math.pi * step / total_steps))
