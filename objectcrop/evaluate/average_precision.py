"""Average precision of multi-label scores: over the data set, and per mini-batch as the authors' release counts it.

All values are shares, 0..1; None or NaN stands for a class without a positive (decision 0005).
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.bool_]


def average_precision(scores: Scores, labels: Labels) -> float:
    """Return the non-interpolated average precision of one class, NaN without a positive.

    The sum of precision times gain in recall over the distinct scores; images of equal score count together, so that
    their order does not matter (scikit-learn's `average_precision_score`).

    Args:
        scores: shape (n,), larger is more likely.
        labels: shape (n,), whether the image shows the class.
    """
    num_positive = int(labels.sum())
    if num_positive == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(labels[order])
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    precision = hits[ends] / (ends + 1)
    gained = np.diff(hits[ends], prepend=0) / num_positive
    return float((precision * gained).sum())


def average_precisions(scores: Scores, labels: Labels) -> NDArray[np.float64]:
    """Return the average precision of each class, shape (classes,), NaN for a class without a positive.

    Args:
        scores: shape (n, classes).
        labels: shape (n, classes).
    """
    _check(scores, labels)
    columns = range(scores.shape[1])
    return np.array([average_precision(scores[:, column], labels[:, column]) for column in columns])


def macro_map(scores: Scores, labels: Labels) -> float:
    """Return the mean of the average precisions over the classes that have a positive.

    Raises:
        ValueError: if no class has one.
    """
    aps = average_precisions(scores, labels)
    if np.isnan(aps).all():
        raise ValueError("no image shows any of the classes: mean average precision is not defined")
    return float(np.nanmean(aps))


def map_batched(scores: Scores, labels: Labels, batch: int) -> float:
    """Compute the metric of the authors' release: macro mAP of each mini-batch, averaged with batch sizes as weights.

    Within a batch a class's value is the mean, over its positives, of the precision at their rank; classes without a
    positive there are skipped, and so is a batch without any. It depends on `batch` and is far above the mAP of the data set
    (spec of OAC, 8.3); it is kept to compare with the paper. Images of equal score rank in their order.

    Args:
        scores: shape (n, classes), in the order of the test images.
        labels: shape (n, classes).
        batch: images in a mini-batch; the release has 256 over the number of GPUs.

    Raises:
        ValueError: if no image shows any of the classes.
    """
    _check(scores, labels)
    total, weight = 0.0, 0
    for start in range(0, len(scores), batch):
        batch_scores, batch_labels = scores[start : start + batch], labels[start : start + batch]
        present = batch_labels.any(axis=0)
        if not present.any():
            continue
        order = np.argsort(-batch_scores[:, present], axis=0, kind="stable")
        hits = np.take_along_axis(batch_labels[:, present], order, axis=0)
        precision = np.cumsum(hits, axis=0) / np.arange(1, len(batch_scores) + 1)[:, None]
        per_class = (precision * hits).sum(axis=0) / hits.sum(axis=0)
        total, weight = total + float(per_class.mean()) * len(batch_scores), weight + len(batch_scores)
    if not weight:
        raise ValueError("no image shows any of the classes: mean average precision is not defined")
    return total / weight


def _check(scores: Scores, labels: Labels) -> None:
    if scores.shape != labels.shape or scores.ndim != 2 or len(scores) == 0:
        raise ValueError(
            f"scores {scores.shape} and labels {labels.shape}: expected one equal, non-empty shape (n, classes)"
        )
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite: the layer diverged; lower the task's learning_rates")
