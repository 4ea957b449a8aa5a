"""The choice among several learning rates, by images of the training split that are held out."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.evaluate.linear.images import LabelledImages
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.measure import mean_average_precision, top_k
from objectcrop.evaluate.linear.training import Training
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.tasks import LinearTask


def choose_held_out(num_train: int, task: LinearTask, study_seed: int) -> NDArray[np.bool_]:
    """Which training images choose among several learning rates: the same for every run; none for a single rate.

    Raises:
        ValueError: if there are several rates and no image can be held out.
    """
    mask = np.zeros(num_train, dtype=bool)
    if len(task.learning_rates) == 1 or task.probe == "knn":
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


def choose(choosing: LinearLayers, training: Training) -> tuple[int, list[float | None]]:
    """Return the place of the learning rate that is best on the held-out images, and the value of each there.

    The value is in percent, of `choosing_metric`; None: diverged. Of equal ones the first rate is taken.

    Raises:
        ValueError: if all diverged.
        Stopped: if a stop was asked for.
    """
    task = training.task
    rows = np.flatnonzero(training.held_out)
    if not len(rows):
        return 0, []
    images = training.images.take(rows)
    features = training.features_of(images, "held-out")
    values = [
        _value(scores, images, task) if np.isfinite(scores).all() else None for scores in choosing.scores(features)
    ]
    best = max((value for value in values if value is not None), default=None)
    if best is None:
        raise ValueError(f"the linear layer diverged at every one of learning_rates {list(task.learning_rates)}")
    return values.index(best), values


def _value(scores: NDArray[np.float32], images: LabelledImages, task: LinearTask) -> float:
    if choosing_metric(task) == "top1":
        return 100 * float(top_k(scores, images.classes_of_single, 1).mean())
    return mean_average_precision(scores, images.labels)
