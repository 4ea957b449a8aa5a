"""Average precision of multi-label scores: over the data set, and per mini-batch as the authors' release counts it.

All values are shares, 0..1; None or NaN stands for a class without a positive (decision 0005).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.bool_]

NOTHING = "no image shows any of the classes: mean average precision is not defined"
BLOCK = 32
"""Columns that are copied at a time: of a row-major matrix a single column would cost as much memory traffic."""
CELLS = 1 << 16


class Positives(NamedTuple):
    """The positives of one class, by ascending score, and how many images reach the score of each.

    Attributes:
        rows: of the images, shape (p,).
        scores: their scores, shape (p,).
        num_images: images of any kind with at least that score, shape (p,).
        num_below: positives with at most the score of each image, shape (n,).
    """

    rows: NDArray[np.int64]
    scores: Scores
    num_images: NDArray[np.int64]
    num_below: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Scores, labels: Labels) -> "Positives":
        """Rank the images of one class; scores and labels have shape (n,)."""
        rows = np.flatnonzero(labels)
        rows = rows[np.argsort(scores[rows], kind="stable")]
        ranked = scores[rows]
        num_below = _num_at_most(ranked, scores)
        counts = np.bincount(num_below, minlength=len(rows) + 1)
        return cls(rows, ranked, counts[::-1].cumsum()[::-1][1:], num_below)

    @property
    def num_true(self) -> NDArray[np.int64]:
        """Positives with at least the score of each, shape (p,)."""
        return len(self.rows) - np.searchsorted(self.scores, self.scores, side="left")

    @property
    def average_precision(self) -> float:
        """The mean, over the positives, of the share of positives among the images that reach their score; NaN without any."""
        return float((self.num_true / self.num_images).mean()) if len(self.rows) else float("nan")

    def of_some(self, wanted: Labels) -> float:
        """Return the average precision of some positives, shape (p,), where the others are left out; NaN for none."""
        if not wanted.any():
            return float("nan")
        num_false, ranked = (self.num_images - self.num_true)[wanted], self.scores[wanted]
        num_true = len(ranked) - np.searchsorted(ranked, ranked, side="left")
        return float((num_true / (num_true + num_false)).mean())

    def influence(self) -> NDArray[np.float64]:
        """Return the derivative of the average precision by the weight of each image, all weights being 1, shape (n,).

        The average precision of weighted images is sum_j w_j T_j / A_j over sum_j w_j, over the positives j, with T_j the weight
        of the positives and A_j that of all images that reach the score of j. The derivatives sum to 0.
        """
        precision, num_positives = self.num_true / self.num_images, len(self.rows)
        lost = np.append(0.0, np.cumsum(self.num_true / self.num_images.astype(np.float64) ** 2)) / -num_positives
        influence: NDArray[np.float64] = lost[self.num_below]
        gained = np.append(0.0, np.cumsum(1 / self.num_images)) / num_positives
        own = (precision - precision.mean()) / num_positives
        influence[self.rows] += own + gained[self.num_below[self.rows]]
        return influence


def _num_at_most(ranked: Scores, scores: Scores, cells: int = CELLS) -> NDArray[np.int64]:
    """Return how many of the ranked values are at most as large as each score, shape (n,): a faster `np.searchsorted`.

    The range of the ranked values is cut into cells. As the cell of a value grows with the value, only scores in the cell of some
    ranked value have to be searched.
    """
    with np.errstate(over="ignore", divide="ignore"):
        scale = cells / (ranked[-1] - ranked[0]) if len(ranked) else np.inf
    if len(scores) < cells or not 0 < scale < np.inf:
        return np.searchsorted(ranked, scores, side="right")

    def cell_of(values: Scores) -> NDArray[np.int32]:
        with np.errstate(over="ignore"):
            cell = np.clip((values - ranked[0]) * scale, -1, cells)
        return np.asarray(cell, dtype=np.int32) + 1

    counts = np.bincount(cell_of(ranked), minlength=cells + 2)
    places = cell_of(scores)
    num: NDArray[np.int64] = (counts.cumsum() - counts)[places]
    shared = np.flatnonzero((counts > 0)[places])
    num[shared] = np.searchsorted(ranked, scores[shared], side="right")
    return num


def ranked_classes(scores: Scores, labels: Labels) -> Iterator[Positives]:
    """Yield the ranked positives of each class, in the order of the columns.

    Args:
        scores: shape (n, classes), larger is more likely.
        labels: shape (n, classes), whether the image shows the class.

    Raises:
        ValueError: if shapes differ, there is no image, or a score is not finite.
    """
    _check(scores, labels)
    for start in range(0, scores.shape[1], BLOCK):
        columns = slice(start, start + BLOCK)
        of_classes = (np.ascontiguousarray(values[:, columns].T) for values in (scores, labels))
        yield from map(Positives.of, *of_classes)


def average_precision(scores: Scores, labels: Labels) -> float:
    """Return the non-interpolated average precision of one class, NaN without a positive.

    The sum of precision times gain in recall over the distinct scores; images of equal score count together, so that
    their order does not matter (scikit-learn's `average_precision_score`).

    Args:
        scores: shape (n,), larger is more likely.
        labels: shape (n,), whether the image shows the class.
    """
    return Positives.of(scores, labels).average_precision


def average_precisions(scores: Scores, labels: Labels) -> NDArray[np.float64]:
    """Return the average precision of each class, shape (classes,), NaN for a class without a positive.

    Args:
        scores: shape (n, classes).
        labels: shape (n, classes).
    """
    return np.array([positives.average_precision for positives in ranked_classes(scores, labels)])


def macro_map(scores: Scores, labels: Labels) -> float:
    """Return the mean of the average precisions over the classes that have a positive.

    Raises:
        ValueError: if no class has one.
    """
    aps = average_precisions(scores, labels)
    if np.isnan(aps).all():
        raise ValueError(NOTHING)
    return float(np.nanmean(aps))


def micro_ap(scores: Scores, labels: Labels) -> float:
    """Return the average precision of all (image, class) pairs in one ranking.

    Args:
        scores: shape (n, classes).
        labels: shape (n, classes).

    Raises:
        ValueError: if no image shows any of the classes.
    """
    _check(scores, labels)
    positives = np.sort(scores[labels])
    if not len(positives):
        raise ValueError(NOTHING)
    everything = np.sort(scores, axis=None)
    num_true = len(positives) - np.searchsorted(positives, positives, side="left")
    return float((num_true / (scores.size - np.searchsorted(everything, positives, side="left"))).mean())


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
        rows = slice(start, start + batch)
        if labels[rows].any():
            num_images = len(scores[rows])
            total, weight = total + _map_of_batch(scores[rows], labels[rows]) * num_images, weight + num_images
    if not weight:
        raise ValueError(NOTHING)
    return total / weight


def _map_of_batch(scores: Scores, labels: Labels) -> float:
    """Count, for each positive, what ranks before it: positives are few, so no class has to be sorted."""
    columns, rows = np.nonzero(labels.T)
    own = scores[rows, columns][:, None]
    of_class = np.ascontiguousarray(scores.T)[columns]
    is_before = of_class > own
    is_before |= (of_class == own) & (np.arange(len(scores)) <= rows[:, None])  # itself too
    ranks = np.count_nonzero(is_before, axis=1)
    is_before &= np.ascontiguousarray(labels.T)[columns]
    precision = np.count_nonzero(is_before, axis=1) / ranks
    counts = np.bincount(columns)
    return float((np.bincount(columns, precision)[counts > 0] / counts[counts > 0]).mean())


def _check(scores: Scores, labels: Labels) -> None:
    if scores.shape != labels.shape or scores.ndim != 2 or len(scores) == 0:
        raise ValueError(
            f"scores {scores.shape} and labels {labels.shape}: expected one equal, non-empty shape (n, classes)"
        )
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite: the layer diverged; lower the task's learning_rates")
