"""The linear probe: a layer on a frozen trunk, trained on the training split and measured once on the test split.

Follows the authors' release where it is sound (OAC, sections 3 and 5; decision 0005 says where it is not).
"""

import sys
from typing import Any, NamedTuple

import torch
from torch import Tensor

from objectcrop.evaluate.linear.choosing import choose, choose_held_out, choosing_metric
from objectcrop.evaluate.linear.coverage import describe_classes, warnings_of
from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.features import TEST_VIEW, Extractor, Views
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.evaluate.linear.states import States
from objectcrop.evaluate.linear.training import Training
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.precision import describe_precision, resolve_precision
from objectcrop.runtime.randomness import Seeds
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
) -> Evaluated:
    """Train the layer and measure it after the final epoch.

    With several learning rates, layers on the training split without its held-out share choose one, side by side with
    those on the whole split, of which the chosen one is tested: features are computed once for both.

    With `states`, what is computed is kept: the same call resumes after a kill, and ends with the same numbers.

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
    held_out = choose_held_out(len(data.train), task, seeds.study)
    classes = _checked_classes(data, task)
    before = {name: tensor.cpu().clone() for name, tensor in backbone.state_dict().items()}
    states = states or States()
    states.compute_in(resolve_precision(task.precision, device))
    print(f"linear: {describe_precision(task.precision, device)}", file=sys.stderr, flush=True)
    extractor = Extractor(backbone, device, num_workers, task.precision)
    layers, choosing = (
        LinearLayers(backbone.num_features, len(data.classes), task, seeds=seeds, device=device) for _ in range(2)
    )
    training = Training(extractor, data.train, task, seeds, held_out, states)
    training.train(layers, choosing)
    place, on_held_out = choose(choosing, training)
    views = Views(data.test, task, seeds)
    features = extractor.all_features(views, TEST_VIEW, task.batch_size, "linear: test features", states, "test")
    scores = layers.scores(features)[place]
    _assert_unchanged(before, backbone)
    is_single = task.labels == "single"
    scored = ScoredImages(data.test.ids, data.classes, scores, data.test.shown.toarray(), is_single)
    measured = measure(scored)
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
    metrics = {**measured.metrics, "learning_rate": float(task.learning_rates[place])}
    results = {**measured._asdict(), "metrics": metrics, "details": details, "precision": states.precision}
    return Evaluated(results, scored)


def _checked_classes(data: Data, task: LinearTask) -> dict[str, Any]:
    """Describe which classes are measured, and warn of those that are not, before any work."""
    if task.labels == "single":
        for images in (data.train, data.test):
            images.require_single()
    if not data.test.shown.nnz:
        raise ValueError(
            f"no test image of {len(data.test)} shows one of the {len(data.classes)} classes of the training images, first "
            f"{data.classes[0]!r}: nothing can be measured; check the annotations of both splits"
        )
    classes = describe_classes(data.classes, data.test.labels, data.untrained)
    for sentence in warnings_of(classes):
        print(f"warning: {sentence}", file=sys.stderr, flush=True)
    return classes


def _assert_unchanged(before: dict[str, Tensor], backbone: Backbone) -> None:
    changed = [name for name, tensor in backbone.state_dict().items() if not torch.equal(tensor.cpu(), before[name])]
    if changed:
        raise RuntimeError(f"the frozen trunk changed during the linear evaluation: {changed[:5]}")
