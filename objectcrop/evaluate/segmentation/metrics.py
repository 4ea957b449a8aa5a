"""Intersection over union of classes, from pixel counts of each image; and how sure it is, by a bootstrap over images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.data.class_maps import IGNORED
from objectcrop.runtime.randomness import generator

Counts = NDArray[np.int64]
Interval = tuple[float, float]

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95


def confusion(targets: NDArray[np.uint8], predicted: NDArray[np.uint8], num_classes: int) -> Counts:
    """Return how many pixels of a class (row) were predicted as a class (column); ignored ones are left out.

    Args:
        targets: class of each pixel, or IGNORED; any shape.
        predicted: class of each pixel, of the same shape.
        num_classes: rows and columns.
    """
    counted = targets != IGNORED
    pairs = targets[counted].astype(np.int64) * num_classes + predicted[counted]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of each image and class, ignored ones left out, shape (images, classes) each.

    Attributes:
        right: of the class, and predicted as it.
        true: of the class.
        predicted: predicted as the class.
    """

    right: Counts
    true: Counts
    predicted: Counts

    @classmethod
    def of(cls, confusions: list[Counts]) -> "PixelCounts":
        """Return the counts of images by their confusion matrices."""
        stacked = [(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)) for matrix in confusions]
        right, true, predicted = (np.stack(part) for part in zip(*stacked, strict=True))
        return cls(right, true, predicted)

    def if_always(self, place: int) -> "PixelCounts":
        """Return the counts of a prediction that is one class everywhere, on the same images."""
        right, predicted = np.zeros_like(self.right), np.zeros_like(self.predicted)
        right[:, place] = self.true[:, place]
        predicted[:, place] = self.true.sum(axis=1)
        return PixelCounts(right, self.true, predicted)

    def class_ious(self) -> NDArray[np.float64]:
        """Return the intersection over union of each class over all images, 0 to 1; NaN for a class without a pixel."""
        return _ious(self.right.sum(axis=0), self.true.sum(axis=0), self.predicted.sum(axis=0))

    def mean_iou(self) -> float:
        """Return the mean over the classes that some image shows, 0 to 1.

        Raises:
            ValueError: if no pixel of any image counts.
        """
        if not self.true.any():
            raise ValueError("no pixel of the test images has a class: there is nothing to measure")
        return float(np.nanmean(self.class_ious()))

    def pixel_accuracy(self) -> float:
        """Return the share of pixels whose class is predicted, 0 to 1."""
        return float(self.right.sum() / self.true.sum())

    def resampled(self, seed: int = 0) -> NDArray[np.float64]:
        """Return the mean IoU of draws of as many images with replacement, shape (draws,); NaN where no pixel counts.

        The draws depend on the seed and the number of images alone: those of two predictions on the same images are pairs.
        A class without a pixel in a draw is left out of its mean.
        """
        num_images = len(self.true)
        rng = generator(seed, "segmentation.bootstrap", num_images)
        times = rng.multinomial(num_images, np.full(num_images, 1 / num_images), size=NUM_RESAMPLES)
        # as floats, which are exact up to 2**53 pixels: products of integers take many times as long
        times = times.astype(np.float64)
        ious = _ious(*(times @ part.astype(np.float64) for part in (self.right, self.true, self.predicted)))
        num_shown = np.isfinite(ious).sum(axis=1)
        return np.where(num_shown > 0, np.nansum(ious, axis=1) / np.maximum(num_shown, 1), np.nan)


def interval(draws: NDArray[np.float64]) -> Interval:
    """Return the ends of the percentile interval (Efron 1979) of draws, those that are NaN left out."""
    low, high = np.nanquantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _ious(right: NDArray[Any], true: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    union = true + predicted - right
    return np.where(true > 0, right / np.maximum(union, 1), np.nan)
