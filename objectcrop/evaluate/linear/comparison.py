"""The difference of linear evaluations on the same test images, and how sure it is."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from objectcrop.evaluate.linear.measure import Interval, ScoredImages, Vector, contributions, intervals_of
from objectcrop.evaluate.linear.scores import read_scores


class Contributions(NamedTuple):
    """What each test image of one evaluation adds to its metrics.

    Attributes:
        images: digest of the test images, classes and labels, and whether images show one class each; evaluations with the same
            one can be paired.
        values: by metric, shape (images,), as a share; their means are the metrics (see `measure.contributions`).
    """

    images: str
    values: dict[str, Vector]


class Difference(NamedTuple):
    """A metric of two evaluations, in percent.

    Attributes:
        first: of the first.
        second: of the second.
        interval: ends of the 95 % interval of second - first, from images that are drawn for both at once.
    """

    first: float
    second: float
    interval: Interval


def read_contributions(path: Path) -> Contributions:
    """Return what the test images add to the metrics that have intervals, from a file of scores.

    Raises:
        ValueError: naming the file, if it is no such file, or damaged.
    """
    test = read_scores(path)
    return Contributions(_digest(test), contributions(test))


def paired_intervals(above: Sequence[Contributions], below: Sequence[Contributions]) -> dict[str, Interval]:
    """Return the 95 % intervals of the mean of some evaluations minus the mean of others, in percent, by metric.

    Images are drawn for all at once: what makes an image hard for all of them does not widen the interval.

    Raises:
        ValueError: if they are not of the same images, classes and labels.
    """
    if len({one.images for one in (*above, *below)}) > 1:
        raise ValueError(
            "not of the same test images, classes and labels: compare linear evaluations of the same task and data"
        )
    means = [
        {name: np.mean([one.values[name] for one in several], axis=0) for name in several[0].values}
        for several in (above, below)
    ]
    return intervals_of({name: means[0][name] - means[1][name] for name in means[0]})


def compare_scores(first: Path, second: Path) -> dict[str, Difference]:
    """Return the differences of the metrics that have intervals, from two files of scores.

    Raises:
        ValueError: naming the files, if one is damaged, or both are not of the same images, classes and labels.
    """
    one, other = read_contributions(first), read_contributions(second)
    try:
        ends = paired_intervals([other], [one])
    except ValueError as error:
        raise ValueError(f"{first} and {second}: {error}") from error
    return {
        name: Difference(100 * float(values.mean()), 100 * float(other.values[name].mean()), ends[name])
        for name, values in one.values.items()
    }


def _digest(test: ScoredImages) -> str:
    names = "\0".join((str(test.is_single), *test.image_ids, "", *test.class_ids)).encode()
    return sha256(names + np.packbits(test.labels, axis=1).tobytes()).hexdigest()
