"""The linear probe: a layer on a frozen trunk, trained on the training split and measured once on the test split.

Follows the authors' release where it is sound (OAC, sections 3 and 5; decision 0005 says where it is not).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.evaluate.linear.coverage import (
    NONE_UNTRAINED,
    Untrained,
    describe_classes,
    untrained_classes,
    warnings_of,
)
from objectcrop.evaluate.linear.features import Extractor, Views
from objectcrop.evaluate.linear.images import LabelledImages, labelled_images, training_classes
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.measure import mean_average_precision, measure, top1
from objectcrop.evaluate.linear.scores import ScoredImages
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.precision import describe_precision, resolve_precision
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import Seeds, generator
from objectcrop.study.settings.tasks import LinearTask

TEST_VIEW = -1


@dataclass(frozen=True)
class Data:
    """What a layer is trained and tested on.

    Attributes:
        train: images of the training split.
        test: images of the test split.
        classes: the label columns of both.
        untrained: classes that only test images show.
    """

    train: LabelledImages
    test: LabelledImages
    classes: tuple[str, ...]
    untrained: Untrained = NONE_UNTRAINED

    @classmethod
    def of(cls, manifest: pd.DataFrame, annotations: pd.DataFrame, data_root: Path) -> Self:
        """Return the data of a MANIFEST and its ANNOTATIONS.

        Raises:
            ValueError: if no training image has an annotation, or a split has no image.
        """
        classes = training_classes(manifest, annotations)
        train = labelled_images(manifest, annotations, data_root, "train", classes)
        test = labelled_images(manifest, annotations, data_root, "test", classes)
        return cls(train, test, tuple(classes), untrained_classes(manifest, annotations, classes))


class Evaluated(NamedTuple):
    """What comes out: the results, JSON values, and the scores that they were computed from."""

    results: dict[str, Any]
    scores: ScoredImages


@dataclass(frozen=True)
class _Training:
    """What layers are trained on.

    Attributes:
        extractor: gives the features.
        images: of the training split.
        task: its settings.
        seeds: what views and their order depend on.
        held_out: which images choose among several learning rates, shape (images,).
    """

    extractor: Extractor
    images: LabelledImages
    task: LinearTask
    seeds: Seeds
    held_out: NDArray[np.bool_]


def evaluate_linear(
    backbone: Backbone, data: Data, task: LinearTask, seeds: Seeds, *, device: torch.device, num_workers: int = 0
) -> Evaluated:
    """Train the layer and measure it after the final epoch.

    With several learning rates, layers on the training split without its held-out share choose one, side by side with
    those on the whole split, of which the chosen one is tested: features are computed once for both.

    Returns:
        The scores, and the results: `metrics` (percent, and the learning rate), `per_class` (average precision in percent,
        None for a class without a test positive), the `precision` that the trunk computed in, and `details`; there
        `held_out_top1` (labels: single) or `held_out_map` (multi) holds the value, in percent, by which each learning rate
        was judged (None: diverged), or is None for a single rate, and `classes` counts those that only one split shows.

    Raises:
        ValueError: if the labels do not fit the task, or the layer diverged.
        RuntimeError: if the trunk changed.
    """
    held_out = choose_held_out(len(data.train), task, seeds.study)
    classes = _checked_classes(data, task)
    before = {name: tensor.cpu().clone() for name, tensor in backbone.state_dict().items()}
    print(f"linear: {describe_precision(task.precision, device)}", file=sys.stderr, flush=True)
    extractor = Extractor(backbone, device, num_workers, task.precision)
    layers, choosing = (_fresh_layers(backbone, data, task, seeds, device) for _ in range(2))
    training = _Training(extractor, data.train, task, seeds, held_out)
    _train(layers, choosing, training)
    place, on_held_out = _choose(choosing, training)
    features = extractor.all_features(
        Views(data.test, task, seeds), TEST_VIEW, task.batch_size, "linear: test features"
    )
    scores = layers.scores(features)[place]
    _assert_unchanged(before, backbone)
    is_single = task.labels == "single"
    metrics, per_class = measure(scores, data.test.labels, data.classes, is_single=is_single)
    details = {
        "num_train": len(data.train),
        "num_held_out": int(held_out.sum()),
        "num_test": len(data.test),
        f"held_out_{choosing_metric(task)}": dict(zip(map(str, task.learning_rates), on_held_out, strict=True))
        if on_held_out
        else None,
        "classes": classes,
        "is_approximation": task.cached_views is not None,
    }
    chosen = {**metrics, "learning_rate": float(task.learning_rates[place])}
    computed = resolve_precision(task.precision, device)
    results = {"metrics": chosen, "per_class": per_class, "details": details, "precision": computed}
    return Evaluated(results, ScoredImages(data.test.ids, data.classes, scores, data.test.labels, is_single))


def _checked_classes(data: Data, task: LinearTask) -> dict[str, Any]:
    """Describe which classes are measured, and warn of those that are not, before any work."""
    if task.labels == "single":
        for images in (data.train, data.test):
            images.require_single()
    if not data.test.labels.any():
        raise ValueError(
            f"no test image of {len(data.test)} shows one of the {len(data.classes)} classes of the training images, first "
            f"{data.classes[0]!r}: nothing can be measured; check the annotations of both splits"
        )
    classes = describe_classes(data.classes, data.test.labels, data.untrained)
    for sentence in warnings_of(classes):
        print(f"warning: {sentence}", file=sys.stderr, flush=True)
    return classes


def choose_held_out(num_train: int, task: LinearTask, study_seed: int) -> NDArray[np.bool_]:
    """Which training images choose among several learning rates: the same for every run; none for a single rate.

    Raises:
        ValueError: if there are several rates and no image can be held out.
    """
    mask = np.zeros(num_train, dtype=bool)
    if len(task.learning_rates) == 1:
        return mask
    count = max(1, round(task.held_out_share * num_train)) if task.held_out_share > 0 else 0
    if not 0 < count < num_train:
        raise ValueError(
            f"linear task: {len(task.learning_rates)} learning_rates and held_out_share {task.held_out_share} of "
            f"{num_train} images: give one rate, or a share that holds out some images and leaves others"
        )
    mask[generator(study_seed, "linear-held-out").choice(num_train, count, replace=False)] = True
    return mask


def choosing_metric(task: LinearTask) -> str:
    """Return the name of the metric that chooses the learning rate: the one that tables report for such labels."""
    return "top1" if task.labels == "single" else "map"


def _fresh_layers(backbone: Backbone, data: Data, task: LinearTask, seeds: Seeds, device: torch.device) -> LinearLayers:
    return LinearLayers(
        backbone.num_features,
        len(data.classes),
        task.learning_rates,
        is_single=task.labels == "single",
        seeds=seeds,
        device=device,
    )


def _train(layers: LinearLayers, choosing: LinearLayers, training: _Training) -> None:
    extractor, images, task = training.extractor, training.images, training.task
    targets = _targets(images, task).to(extractor.device)
    kept = torch.from_numpy(~training.held_out).to(extractor.device)
    batches = _FeatureBatches(extractor, Views(images, task, training.seeds), task)
    with Progress("linear: layer", total=task.epochs * len(images), unit="images") as progress:
        for epoch in range(task.epochs):
            layers.set_epoch(epoch, task.decay_epochs)
            choosing.set_epoch(epoch, task.decay_epochs)
            order = training.seeds.generator("linear-order", epoch).permutation(len(images))
            for rows, features in batches.of_epoch(epoch, torch.from_numpy(order)):
                losses = layers.step(features, targets[rows])
                if training.held_out.any() and bool(kept[rows].any()):
                    choosing.step(features[kept[rows]], targets[rows][kept[rows]])
                progress.advance(len(rows), epoch=epoch + 1, loss=losses[0])


class _FeatureBatches:
    """Features of the training images, batch by batch: fresh crops each epoch, or a few fixed views that alternate."""

    def __init__(self, extractor: Extractor, views: Views, task: LinearTask) -> None:
        self._extractor, self._views, self._batch = extractor, views, task.batch_size
        self._cache: list[Tensor] = []
        count = task.cached_views or 0
        for view in range(count):
            label = f"linear: features of view {view + 1}/{count}"
            self._cache.append(extractor.all_features(views, view, task.batch_size, label))

    def of_epoch(self, epoch: int, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (rows, features) of each batch, on the device."""
        batches = [rows.to(self._extractor.device) for rows in torch.split(order, self._batch)]
        if self._cache:
            features = self._cache[epoch % len(self._cache)]
            yield from ((rows, features[rows]) for rows in batches)
            return
        keys = [[(epoch, int(row)) for row in rows] for rows in batches]
        yield from zip(batches, self._extractor.batches(self._views, keys), strict=True)


def _targets(images: LabelledImages, task: LinearTask) -> Tensor:
    if task.labels == "single":
        return torch.from_numpy(images.classes_of_single)
    return torch.from_numpy(images.labels.astype(np.float32))


def _choose(choosing: LinearLayers, training: _Training) -> tuple[int, list[float | None]]:
    """Return the place of the learning rate that is best on the held-out images, and the value of each there.

    The value is in percent, of `choosing_metric`; None: diverged. Of equal ones the first rate is taken.
    """
    images, task = training.images, training.task
    rows = np.flatnonzero(training.held_out)
    if not len(rows):
        return 0, []
    held_out_images = LabelledImages(
        ids=tuple(images.ids[row] for row in rows),
        paths=tuple(images.paths[row] for row in rows),
        sizes=tuple(images.sizes[row] for row in rows),
        labels=images.labels[rows],
    )
    views = Views(held_out_images, task, training.seeds)
    features = training.extractor.all_features(views, TEST_VIEW, task.batch_size, "linear: held-out features")
    value_of = top1 if choosing_metric(task) == "top1" else mean_average_precision
    values = [
        value_of(scores, held_out_images.labels) if np.isfinite(scores).all() else None
        for scores in choosing.scores(features)
    ]
    best = max((value for value in values if value is not None), default=None)
    if best is None:
        raise ValueError(f"the linear layer diverged at every one of learning_rates {list(task.learning_rates)}")
    return values.index(best), values


def _assert_unchanged(before: dict[str, Tensor], backbone: Backbone) -> None:
    changed = [name for name, tensor in backbone.state_dict().items() if not torch.equal(tensor.cpu(), before[name])]
    if changed:
        raise RuntimeError(f"the frozen trunk changed during the linear evaluation: {changed[:5]}")
