"""OAC's extra losses, the same for every method: relative rotation and localization (paper, sections 4.2.1, 4.2.2)."""

from collections.abc import Mapping
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


class Beside(NamedTuple):
    """Normalised images of the passes that the extra losses need beside the method's own; None where there is none.

    Attributes:
        key: those of `key_rows`.
        rotated: object views, rotated.
        whole: views of the whole image.
        key_rows: which keys go through the trunk, on the device; None: all.
    """

    key: Tensor | None = None
    rotated: Tensor | None = None
    whole: Tensor | None = None
    key_rows: Tensor | None = None

    @property
    def images(self) -> dict[str, Tensor]:
        """Images by name, in the order of the passes."""
        passes = {"key": self.key, "rotated": self.rotated, "whole": self.whole}
        return {name: images for name, images in passes.items() if images is not None}


class ExtraHeads(nn.Module):
    """The heads of the losses that are on. They read the trunk's pooled features, not normalised."""

    def __init__(self, num_features: int, losses: LossSettings) -> None:
        super().__init__()
        self.losses = losses
        self.rotation = PairHead(num_features, NUM_ROTATIONS) if losses.rotation else None
        self.localization = PairHead(num_features, losses.patches**2) if losses.localization else None

    @property
    def are_on(self) -> bool:
        """Whether there is any."""
        return self.rotation is not None or self.localization is not None

    def forward(
        self,
        backbone: Backbone,
        batch: PairBatch,
        query: View,
        key: View | None = None,
        *,
        encoded: Tensor | None = None,
    ) -> ExtraLogits:
        """Logits of rotations, shape (N, 4), and of cells, shape (N, patches * patches), where their losses are on.

        Either view may be the query, so the object's and the scene's are picked by tag; of two scene views the key
        stands for the object, of two object views the query. The passes made here leave running statistics alone.

        Args:
            backbone: the trunk that is trained.
            batch: for tags, rotations and the whole image.
            query: view of the batch's query.
            key: of its key; None where the method's own loss does not see it: the pass is made here.
            encoded: features of the key by the key encoder, which then stand for those of a pass, shape (N, num_features).
        """
        if not self.are_on:
            return NO_LOGITS
        beside = self.passes_beside(batch, query.images, key, encoded)
        features = {name: backbone.features_aside(images) for name, images in beside.images.items()}
        return self.logits(batch, query, beside, features, encoded if key is None else key.features)

    def passes_beside(
        self, batch: PairBatch, query: Tensor, key: View | None = None, encoded: Tensor | None = None
    ) -> Beside:
        """Return what has to go through the trunk beside the method's own passes; `query` are its normalised images."""
        beside, keys = Beside(), None if key is None else key.images
        if key is None and encoded is None and (rows := self._needed_keys(batch)) != []:
            keys = Backbone.normalised(batch.key)
            chosen = None if rows is None else send(torch.tensor(rows), keys.device)
            beside = beside._replace(key=keys if chosen is None else keys[chosen], key_rows=chosen)
        if self.rotation is not None and not self.losses.rotate_contrastive:
            keys = Backbone.normalised(batch.key) if keys is None else keys
            objects = torch.where(_is_object(batch, query.device)[:, None, None, None], query, keys)
            beside = beside._replace(rotated=rotate(objects, batch.rotation))
        if self.localization is not None:
            assert batch.whole is not None
            beside = beside._replace(whole=Backbone.normalised(batch.whole))
        return beside

    def logits(
        self,
        batch: PairBatch,
        query: View,
        beside: Beside,
        features: Mapping[str, Tensor],
        key: Tensor | None = None,
    ) -> ExtraLogits:
        """Return the logits from features of every pass.

        Args:
            batch: for tags.
            query: view of the batch's query.
            beside: the passes.
            features: of their images, by name.
            key: features of the key, if it had no pass beside.
        """
        if key is None and "key" in features:
            key = features["key"]
            if beside.key_rows is not None:
                key = torch.zeros_like(query.features).index_copy(0, beside.key_rows, key.to(query.features.dtype))
        elif key is None:  # nobody reads it
            key = torch.zeros_like(query.features)
        is_object = _is_object(batch, query.features.device)[:, None]
        objects = torch.where(is_object, query.features, key)
        rotation = cells = None
        if self.rotation is not None:
            scenes = torch.where(is_object, key, query.features)
            rotation = self.rotation(features.get("rotated", objects), scenes)
        if self.localization is not None:
            cells = self.localization(objects, features["whole"])
        return ExtraLogits(rotation, cells)

    def _needed_keys(self, batch: PairBatch) -> list[int] | None:
        """Rows of the keys whose features a loss reads; None are all."""
        if self.losses.key_rows == "all":
            return None
        is_object = batch.query_tags == OBJECT_TAG
        needed = torch.zeros_like(is_object)
        if self.rotation is not None:
            needed |= torch.ones_like(is_object) if self.losses.rotate_contrastive else is_object
        if self.localization is not None:
            needed |= ~is_object
        return None if needed.all() else torch.nonzero(needed).flatten().tolist()


def _is_object(batch: PairBatch, device: torch.device) -> Tensor:
    """Whether the query is the object view, on the device, shape (N,)."""
    return send(batch.query_tags == OBJECT_TAG, device)


def rotate_objects(batch: PairBatch) -> PairBatch:
    """Return the batch with the object view of each pair rotated, for every loss to see."""
    is_object = _is_object(batch, batch.query.device)
    of_query, of_key = (torch.where(is_object == is_meant, batch.rotation, 0) for is_meant in (True, False))
    rotated = batch._replace(
        query=rotate(batch.query, of_query, dims=(1, 2)), key=rotate(batch.key, of_key, dims=(1, 2))
    )
    if batch.shuffled_key is None or batch.shuffled_key_rotation is None:
        return rotated
    return rotated._replace(shuffled_key=rotate(batch.shuffled_key, batch.shuffled_key_rotation, dims=(1, 2)))


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


def rotate(images: Tensor, rotation: Tensor, dims: tuple[int, int] = (2, 3)) -> Tensor:
    """Rotate each image counter-clockwise by its number of quarter turns; squares only.

    Args:
        images: shape (N, channels, side, side), or (N, side, side, channels).
        rotation: quarter turns, 0..3, shape (N,), on the same device.
        dims: rows and columns, (2, 3) or (1, 2).

    Returns:
        Of the same shape, with the channels of a pixel together in memory.
    """
    channels_last = images.permute(0, 2, 3, 1) if dims == (2, 3) else images
    num_images, side, width, channels = channels_last.shape
    assert side == width
    places = torch.arange(side**2, device=images.device).view(side, side)
    turned = torch.stack([torch.rot90(places, quarter).flatten() for quarter in range(NUM_ROTATIONS)])
    # each pixel is fetched from its place: the host waits for no mask, and an image is read once
    starts = torch.arange(num_images, device=images.device)[:, None] * side**2
    pixels = channels_last.reshape(-1, channels).index_select(0, (turned[rotation] + starts).flatten())
    rotated = pixels.view(channels_last.shape)
    return rotated.permute(0, 3, 1, 2) if dims == (2, 3) else rotated


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
