"""The linear probe: a layer on a frozen trunk, trained on the training split and measured once on the test split.

Follows the authors' release where it is sound (OAC, sections 3 and 5; decision 0005 says where it is not).
"""

import sys
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from objectcrop.evaluate.linear.choosing import choose, choose_held_out, choosing_metric
from objectcrop.evaluate.linear.coverage import describe_classes, warnings_of
from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.features import Extractor
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.measure import ScoredImages, Scores, measure
from objectcrop.evaluate.linear.neighbours import neighbour_scores
from objectcrop.evaluate.linear.states import States
from objectcrop.evaluate.linear.training import Training
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.precision import agreed_precision, describe_precision
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.section import Precision
from objectcrop.study.settings.tasks import LinearTask


class Evaluated(NamedTuple):
    """What comes out: the results, JSON values, and the scores that they were computed from."""

    results: dict[str, Any]
    scores: ScoredImages


def evaluate_linear(
    backbone: Backbone,
    data: Data,
    task: LinearTask,
    seeds: Seeds,
    *,
    device: torch.device,
    num_workers: int = 0,
    states: States | None = None,
    trained_in: str = "none",
) -> Evaluated:
    """Train the layer and measure it after the final epoch.

    With several learning rates, layers on the training split without its held-out share choose one, side by side with
    those on the whole split, of which the chosen one is tested: features are computed once for both.

    With `states`, what is computed is kept: the same call resumes after a kill, and ends with the same numbers. If its world has
    several processes, each computes the features of its share of every batch, and all train the same layers. `trained_in` is the
    precision of the backbone's training, which the task may ask for.

    Returns:
        The scores, and the results: `metrics` (percent, and the learning rate), `per_class` (average precision in percent,
        None for a class without a test positive), `intervals`, the `precision` that the trunk computed in, and `details`; there
        `held_out_top1` (labels: single) or `held_out_map` (multi) holds the value, in percent, by which each learning rate
        was judged (None: diverged), or is None for a single rate, and `classes` counts those that only one split shows.

    Raises:
        ValueError: if the labels do not fit the task, or the layer diverged.
        Stopped: after saving, if a stop was asked for.
        RuntimeError: if the trunk changed.
    """
    states = states or States()
    world, asked = replace(states.world, device=device), _asked_precision(task, trained_in)
    held_out = choose_held_out(len(data.train), task, seeds.study)
    classes = _checked_classes(data, task)
    if world.is_first:
        for sentence in (
            *map("warning: {}".format, warnings_of(classes)),
            f"linear: {describe_precision(asked, device)}",
        ):
            print(sentence, file=sys.stderr, flush=True)
    before = {name: tensor.cpu().clone() for name, tensor in backbone.state_dict().items()}
    precision = agreed_precision(asked, world)
    states.compute_in(precision)
    extractor = Extractor(backbone, world, num_workers, precision)
    training = Training(extractor, data.train, task, seeds, held_out, states)
    scores, choice = _of_neighbours(training, data) if task.probe == "knn" else _of_layers(training, data)
    _assert_unchanged(before, backbone)
    scored = ScoredImages(
        tuple(data.test.ids), data.classes, scores, data.test.shown.toarray(), task.labels == "single"
    )
    measured = measure(scored)
    details = {
        "num_train": len(data.train),
        "num_held_out": int(held_out.sum()),
        "num_test": len(data.test),
        f"held_out_{choosing_metric(task)}": choice.on_held_out,
        "classes": classes,
        "is_approximation": task.cached_views is not None,
    }
    metrics = measured.metrics | choice.metrics
    results = {**measured._asdict(), "metrics": metrics, "details": details, "precision": states.precision}
    return Evaluated(results, scored)


class _Choice(NamedTuple):
    """The learning rate that was taken, as a metric, and the value of each on the held-out images."""

    metrics: dict[str, float]
    on_held_out: dict[str, float | None] | None


def _of_layers(training: Training, data: Data) -> tuple[Scores, _Choice]:
    """Train layers, and return the scores of the chosen one."""
    task, extractor = training.task, training.extractor
    num_features = extractor.backbone.num_features
    layers, choosing = (
        LinearLayers(num_features, len(data.classes), task, seeds=training.seeds, device=extractor.device)
        for _ in range(2)
    )
    training.train(layers, choosing)
    place, values = choose(choosing, training)
    scores = next(islice(layers.scores(training.features_of(data.test, "test")), place, None))
    on_held_out = dict(zip(map(str, task.learning_rates), values, strict=True)) if values else None
    return scores, _Choice({"learning_rate": float(task.learning_rates[place])}, on_held_out)


def _of_neighbours(training: Training, data: Data) -> tuple[Scores, _Choice]:
    """Return the votes of the nearest training images; both are seen as test images are."""
    train, test = (training.features_of(images, name) for images, name in ((data.train, "train"), (data.test, "test")))
    return neighbour_scores(train, data.train.shown, test, training.task.knn), _Choice({}, None)


def _asked_precision(task: LinearTask, trained_in: str) -> Precision:
    """Return the precision of the features; of a training that changed it on its way, the last one."""
    if task.precision != "as_trained":
        return task.precision
    return "bfloat16" if trained_in.split("+")[-1] == "bfloat16" else "float32"


def _checked_classes(data: Data, task: LinearTask) -> dict[str, Any]:
    """Describe which classes are measured, before any work."""
    if task.labels == "single":
        for images in (data.train, data.test):
            images.require_single()
    if not data.test.shown.nnz:
        raise ValueError(
            f"no test image of {len(data.test)} shows one of the {len(data.classes)} classes of the training images, first "
            f"{data.classes[0]!r}: nothing can be measured; check the annotations of both splits"
        )
    return describe_classes(data.classes, data.test.labels, data.untrained)


def _assert_unchanged(before: dict[str, Tensor], backbone: Backbone) -> None:
    changed = [name for name, tensor in backbone.state_dict().items() if not torch.equal(tensor.cpu(), before[name])]
    if changed:
        raise RuntimeError(f"the frozen trunk changed during the linear evaluation: {changed[:5]}")
