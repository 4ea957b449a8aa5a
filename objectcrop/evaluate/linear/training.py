"""The training of layers on features: batches in an order of the seeds, state saved now and then."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.evaluate.linear.features import TEST_VIEW, Extractor, Views, progress_of
from objectcrop.evaluate.linear.images import LabelledImages
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.states import States
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.tasks import LinearTask

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Training:
    """What layers are trained on.

    Attributes:
        extractor: gives the features.
        images: of the training split.
        task: its settings.
        seeds: what views and their order depend on.
        held_out: which images choose among several learning rates, shape (images,).
        states: keeps what is computed.
    """

    extractor: Extractor
    images: LabelledImages
    task: LinearTask
    seeds: Seeds
    held_out: NDArray[np.bool_]
    states: States

    @property
    def steps_per_epoch(self) -> int:
        """Batches of a pass over the images, a last smaller one too."""
        return ceil(len(self.images) / self.task.batch_size)

    def train(self, layers: LinearLayers, choosing: LinearLayers) -> None:
        """Train layers on all images, and those that choose a rate on all but the held-out ones, from the saved state on.

        Raises:
            Stopped: after saving, if a stop was asked for.
        """
        images, task = self.images, self.task
        first_epoch, first = self._resume(layers, choosing)
        if first_epoch == task.epochs:
            return
        targets_of, batches = _Targets(images, task, self.extractor.device), _FeatureBatches(self)
        done = first_epoch * len(images) + min(first * task.batch_size, len(images))
        with progress_of(self.extractor.world, "linear: layer", total=task.epochs * len(images), done=done) as progress:
            for epoch in range(first_epoch, task.epochs):
                order = self.seeds.generator("linear-order", epoch).permutation(len(images))
                for place, (rows, features) in enumerate(batches.of_epoch(epoch, order, first), first):
                    for trained in (layers, choosing):
                        trained.set_step(epoch * self.steps_per_epoch + place, self.steps_per_epoch)
                    targets = targets_of(rows)
                    losses = layers.step(features, targets)
                    kept = np.flatnonzero(~self.held_out[rows])
                    if self.held_out.any() and len(kept):
                        choosing.step(features[kept], targets[kept])
                    progress.advance(len(rows), epoch=epoch + 1, loss=losses[0])
                    if self.states.is_due():
                        self._save(layers, choosing, epoch, place + 1)
                first = 0
        self._save(layers, choosing, task.epochs, 0)

    def features_of(self, images: LabelledImages, name: str) -> Tensor:
        """Return the features of the test views of images, shape (n, num_features); what is computed is kept under the name.

        Raises:
            Stopped: after saving, if a stop was asked for.
        """
        views, label = Views(images, self.task, self.seeds), f"linear: {name} features"
        return self.extractor.all_features(views, TEST_VIEW, self.task.batch_size, label, self.states, name)

    def _resume(self, layers: LinearLayers, choosing: LinearLayers) -> tuple[int, int]:
        """Return the epoch, and the batch in it, from which to train."""
        state = self.states.load_layers(self.extractor.device)
        if state is None:
            return 0, 0
        layers.load_state_dict(state["layers"])
        choosing.load_state_dict(state["choosing"])
        return state["epoch"], state["batch"]

    def _save(self, layers: LinearLayers, choosing: LinearLayers, epoch: int, batch: int) -> None:
        state = {"layers": layers.state_dict(), "choosing": choosing.state_dict(), "epoch": epoch, "batch": batch}
        self.states.save_layers(state, step=epoch * self.steps_per_epoch + batch)


class _FeatureBatches:
    """Features of the training images, batch by batch: fresh crops each epoch, or a few fixed views that alternate."""

    def __init__(self, training: Training) -> None:
        task, self._extractor = training.task, training.extractor
        self._views, self._batch = Views(training.images, task, training.seeds), task.batch_size
        self._cache: list[Tensor] = []
        count = task.cached_views or 0
        for view in range(count):
            label = f"linear: features of view {view + 1}/{count}"
            name = f"view{view}"
            self._cache.append(
                self._extractor.all_features(self._views, view, task.batch_size, label, training.states, name)
            )

    def of_epoch(self, epoch: int, order: Rows, first: int) -> Iterator[tuple[Rows, Tensor]]:
        """Yield the rows of each batch from the `first` on, and their features on the device."""
        starts = range(first * self._batch, len(order), self._batch)
        batches = [order[start : start + self._batch] for start in starts]
        if self._cache:
            features = self._cache[epoch % len(self._cache)]
            yield from ((rows, features[rows]) for rows in batches)
            return
        keys = [[(epoch, int(row)) for row in rows] for rows in batches]
        yield from zip(batches, self._extractor.batches(self._views, keys), strict=True)


class _Targets:
    """What the layers are to say of images, made batch by batch: of all images it would take gigabytes."""

    def __init__(self, images: LabelledImages, task: LinearTask, device: torch.device) -> None:
        self._images, self._device = images, device
        self._classes = images.classes_of_single if task.labels == "single" else None

    def __call__(self, rows: Rows) -> Tensor:
        """Return the class of each image, shape (n,), or whether it shows each class, shape (n, classes), float32."""
        if self._classes is not None:
            return torch.from_numpy(self._classes[rows]).to(self._device)
        return torch.from_numpy(self._images.labels_of(rows)).to(self._device).float()
