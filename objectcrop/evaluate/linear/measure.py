"""The metrics of a linear layer's scores, in percent."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.evaluate.average_precision import average_precisions, macro_map, map_batched

RELEASED_BATCHES = (256, 32)

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]


def measure(
    scores: Scores, labels: Labels, classes: tuple[str, ...], *, is_single: bool
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Compute the metrics and the average precision of each class, percent; None for a class without a test image.

    Args:
        scores: logits, shape (images, classes).
        labels: whether an image shows a class, shape (images, classes).
        classes: names of the columns.
        is_single: whether each image shows one class, and top-1 accuracy is asked for too.
    """
    metrics = {"map": mean_average_precision(scores, labels)}
    for batch in RELEASED_BATCHES:
        metrics[f"map_batched_{batch}"] = 100 * map_batched(scores, labels, batch)
    if is_single:
        metrics["top1"] = top1(scores, labels)
    aps = average_precisions(scores, labels)
    per_class = {name: None if np.isnan(ap) else 100 * float(ap) for name, ap in zip(classes, aps, strict=True)}
    return metrics, per_class


def mean_average_precision(scores: Scores, labels: Labels) -> float:
    """Return the mean average precision over the classes that some image shows, percent."""
    return 100 * macro_map(scores, labels)


def top1(scores: Scores, labels: Labels) -> float:
    """Return the share of images whose highest score is that of their class, percent."""
    return 100 * float(labels[np.arange(len(scores)), scores.argmax(axis=1)].mean())
