"""OAC's extra losses, the same for every method: relative rotation and localization (paper, sections 4.2.1, 4.2.2)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone, View
from objectcrop.runtime.precision import widened
from objectcrop.runtime.transfer import send
from objectcrop.study.settings.runs import LossSettings
from objectcrop.views.batches import PairBatch
from objectcrop.views.plan import OBJECT_TAG

NUM_ROTATIONS = 4


class ExtraLogits(NamedTuple):
    """Logits of the extra heads; None where a loss is off."""

    rotation: Tensor | None
    cells: Tensor | None


NO_LOGITS = ExtraLogits(None, None)


class PairHead(nn.Module):
    """Reads the features of two views: Linear, ReLU, Linear on their concatenation (paper, sections 4.2.1, 4.2.2)."""

    def __init__(self, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * num_features, num_features), nn.ReLU(inplace=True), nn.Linear(num_features, num_outputs)
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits, shape (N, num_outputs); inputs are not normalised."""
        logits: Tensor = self.layers(torch.cat([first, second], dim=1))
        return logits


class ExtraHeads(nn.Module):
    """The heads of the losses that are on. They read the trunk's pooled features, not normalised."""

    def __init__(self, num_features: int, losses: LossSettings) -> None:
        super().__init__()
        self.rotation = PairHead(num_features, NUM_ROTATIONS) if losses.rotation else None
        self.localization = PairHead(num_features, losses.patches**2) if losses.localization else None

    @property
    def are_on(self) -> bool:
        """Whether there is any."""
        return self.rotation is not None or self.localization is not None

    def forward(self, backbone: Backbone, batch: PairBatch, query: View, key: View | None = None) -> ExtraLogits:
        """Logits of rotations, shape (N, 4), and of cells, shape (N, patches * patches), where their losses are on.

        Either view may be the query, so the object's and the scene's are picked by tag; of two scene views the key
        stands for the object, of two object views the query. The passes made here leave running statistics alone.

        Args:
            backbone: the trunk that is trained.
            batch: for tags, rotations and the whole image.
            query: view of the batch's query.
            key: of its key; None where the method's own loss does not see it: the pass is made here.
        """
        if not self.are_on:
            return NO_LOGITS
        if key is None:
            key = backbone.view_aside(batch.key)
        is_object = send(batch.query_tags == OBJECT_TAG, query.features.device)[:, None]
        rotation = cells = None
        if self.rotation is not None:
            objects = torch.where(is_object[:, :, None, None], query.images, key.images)
            rotated = backbone.features_aside(rotate(objects, batch.rotation))
            rotation = self.rotation(rotated, torch.where(is_object, key.features, query.features))
        if self.localization is not None:
            assert batch.whole is not None
            whole = backbone.view_aside(batch.whole).features
            cells = self.localization(torch.where(is_object, query.features, key.features), whole)
        return ExtraLogits(rotation, cells)


def add_extra_losses(
    total: Tensor, logits: ExtraLogits, batch: PairBatch, weights: LossSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of a method's loss and the extra ones, and their parts to log with their chance levels."""
    parts: dict[str, Tensor] = {}
    if logits.rotation is not None:
        loss, accuracy = rotation_loss(logits.rotation, batch.rotation)
        total = total + weights.rotation * loss
        chance = torch.full((), 1 / NUM_ROTATIONS, device=loss.device)
        parts |= {"loss_rotation": loss.detach(), "accuracy_rotation": accuracy, "accuracy_rotation_chance": chance}
    if logits.cells is not None:
        assert batch.cells is not None
        loss, constant = localization_loss(logits.cells, batch.cells)
        total = total + weights.localization * loss
        parts |= {"loss_localization": loss.detach(), "loss_localization_constant": constant}
        accuracy, chance = localization_accuracy(logits.cells, batch.cells)
        parts |= {"accuracy_localization": accuracy, "accuracy_localization_chance": chance}
    return total, parts


def rotate(images: Tensor, rotation: Tensor) -> Tensor:
    """Rotate each image counter-clockwise by its number of quarter turns; squares only."""
    rotated, rotation = images, rotation[:, None, None, None]
    for quarter in range(1, NUM_ROTATIONS):
        # every image is rotated and the one that is meant kept: to choose rows by a mask, the host would wait for it
        rotated = torch.where(rotation == quarter, torch.rot90(images, quarter, dims=(2, 3)), rotated)
    return rotated.contiguous(memory_format=torch.channels_last)


def rotation_loss(logits: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of the rotation (0-3 quarter turns), and the accuracy (chance: 1/4).

    Args:
        logits: shape (N, 4).
        rotation: quarter turns of the object view, 0..3, shape (N,), int64.
    """
    logits = widened(logits)
    return F.cross_entropy(logits, rotation), (logits.detach().argmax(dim=1) == rotation).to(logits.dtype).mean()


def localization_loss(logits: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy over cells and samples, and that of the best constant guess for each batch.

    Args:
        logits: shape (N, patches * patches).
        cells: 1 where the object crop is, shape (N, patches, patches) or flat.
    """
    logits = widened(logits)
    targets = cells.reshape(logits.shape).to(logits.dtype)
    rate = targets.mean()
    constant = -(torch.xlogy(rate, rate) + torch.xlogy(1 - rate, 1 - rate))
    return F.binary_cross_entropy_with_logits(logits, targets), constant


def localization_accuracy(logits: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of cells predicted right, and the chance level: one best answer of each cell for the whole batch.

    Chance level is computed from the batch's labels, without images: for small batches it is a little too high.

    Args:
        logits: shape (N, patches * patches).
        cells: 1 where the object crop is, shape (N, patches, patches) or flat.
    """
    targets = cells.reshape(logits.shape) > 0.5
    rates = targets.double().mean(dim=0)
    right = (logits.detach() > 0) == targets
    return right.double().mean(), torch.maximum(rates, 1 - rates).mean()
