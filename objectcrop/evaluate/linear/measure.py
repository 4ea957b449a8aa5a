"""The metrics of a linear layer's scores, in percent, and how sure they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.evaluate.average_precision import NOTHING, macro_map, map_batched, micro_ap, ranked_classes
from objectcrop.evaluate.linear.labels import SIZES, Shown
from objectcrop.proposals.quality.intervals import Shares, intervals

RELEASED_BATCHES = (256, 32)
TOP = (1, 5)

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]
Vector = NDArray[np.float64]
Interval = tuple[float, float] | None


class ScoredImages(NamedTuple):
    """What a layer said of the test images.

    Attributes:
        image_ids: of the images, in the order of the rows.
        class_ids: of the classes, in the order of the columns.
        scores: logits, shape (images, classes), float32.
        shown: which classes the images show and how large, shape (images, classes).
        is_single: whether each image shows one class.
    """

    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    scores: Scores
    shown: Shown
    is_single: bool

    @property
    def labels(self) -> Labels:
        """Whether an image shows a class, shape (images, classes)."""
        return np.asarray(self.shown > 0)


class Measured(NamedTuple):
    """What was measured, in percent.

    Attributes:
        metrics: by name; None for the mean over a size that no object has.
        per_class: average precision; None for a class without a test image.
        intervals: ends of the 95 % intervals of some metrics, over images.
    """

    metrics: dict[str, float | None]
    per_class: dict[str, float | None]
    intervals: dict[str, Interval]


class Ranking(NamedTuple):
    """What one pass over the classes gives, as shares.

    Attributes:
        aps: average precision of each class, shape (classes,), NaN without a positive.
        of_sizes: the same where only the objects of a size count, shape (classes, sizes).
        contributions: whose mean is the mean average precision, shape (images,) (see `contributions`).
    """

    aps: Vector
    of_sizes: Vector
    contributions: Vector


def measure(test: ScoredImages) -> Measured:
    """Compute the metrics, the average precision of each class, and intervals.

    `map_small`, `map_medium` and `map_large` are means over the classes that have an image whose largest object of the class has
    that size; images of its other sizes are left out, and those that do not show the class are the negatives.

    Raises:
        ValueError: if no image shows a class, or a score is not finite.
    """
    labels, ranking = test.labels, rank(test.scores, test.shown)
    metrics: dict[str, float | None] = {"map": 100 * float(np.nanmean(ranking.aps))}
    metrics["micro_ap"] = 100 * micro_ap(test.scores, labels)
    for size, aps in zip(SIZES, ranking.of_sizes.T, strict=True):
        metrics[f"map_{size}"] = None if np.isnan(aps).all() else 100 * float(np.nanmean(aps))
    for batch in RELEASED_BATCHES:
        metrics[f"map_batched_{batch}"] = 100 * map_batched(test.scores, labels, batch)
    values = {"map": ranking.contributions} | _hits(test)
    metrics |= {name: 100 * float(hits.mean()) for name, hits in values.items() if name != "map"}
    per_class = {
        name: None if np.isnan(ap) else 100 * float(ap) for name, ap in zip(test.class_ids, ranking.aps, strict=True)
    }
    return Measured(metrics, per_class, intervals_of(values))


def rank(scores: Scores, shown: Shown) -> Ranking:
    """Rank the images of each class once.

    Raises:
        ValueError: if no image shows a class, or a score is not finite.
    """
    aps, of_sizes, influence = [], [], np.zeros(len(scores))
    for column, positives in enumerate(ranked_classes(scores, shown > 0)):
        aps.append(positives.average_precision)
        sizes = shown[positives.rows, column]
        of_sizes.append([positives.of_some(sizes == code) for code in range(1, len(SIZES) + 1)])
        if len(positives.rows):
            influence += positives.influence()
    num_measured = np.count_nonzero(~np.isnan(aps))
    if not num_measured:
        raise ValueError(NOTHING)
    contributions = float(np.nanmean(aps)) + len(scores) * influence / num_measured
    return Ranking(np.array(aps), np.array(of_sizes), contributions)


def contributions(test: ScoredImages) -> dict[str, Vector]:
    """Return what each image adds to the metrics that have intervals: vectors, shape (images,), whose means are the metrics.

    For the mean average precision that is the metric and the derivative by the image's weight times the number of images, so that
    the mean over images that are drawn again is the metric of the draw, up to terms of second order (Jaeckel 1972; Efron 1982,
    chapter 6). To rank 125,000 images of 600 classes takes a second: for each of a thousand draws, that is too long.
    """
    return {"map": rank(test.scores, test.shown).contributions} | _hits(test)


def intervals_of(values: dict[str, Vector]) -> dict[str, Interval]:
    """Return the ends of the percentile bootstrap intervals, in percent, of means over images."""
    ends = intervals({name: Shares(vector, np.ones(len(vector))) for name, vector in values.items()})
    return {name: None if pair is None else (100 * pair[0], 100 * pair[1]) for name, pair in ends.items()}


def mean_average_precision(scores: Scores, labels: Labels) -> float:
    """Return the mean average precision over the classes that some image shows, percent."""
    return 100 * macro_map(scores, labels)


def top_k(scores: Scores, classes: NDArray[np.int64], k: int) -> Labels:
    """Return whether the class of each image is among its k highest scores, shape (n,); of equal ones the first counts.

    Args:
        scores: shape (n, classes).
        classes: of the images, shape (n,).
        k: at least 1.
    """
    own = scores[np.arange(len(scores)), classes][:, None]
    is_before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < classes[:, None]))
    return np.asarray(np.count_nonzero(is_before, axis=1) < k)


def _hits(test: ScoredImages) -> dict[str, Vector]:
    if not test.is_single:
        return {}
    classes = test.shown.argmax(axis=1)
    return {f"top{k}": top_k(test.scores, classes, k).astype(np.float64) for k in TOP}
