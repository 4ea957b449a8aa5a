"""The difference of two linear evaluations on the same test images, and how sure it is."""

from pathlib import Path
from typing import NamedTuple

from objectcrop.evaluate.linear.measure import Interval, contributions, intervals_of
from objectcrop.evaluate.linear.scores import read_scores


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


def compare_scores(first: Path, second: Path) -> dict[str, Difference]:
    """Return the differences of the metrics that have intervals, from two files of scores.

    Paired: what makes an image hard for both does not widen the interval.

    Raises:
        ValueError: if a file is damaged, or both are not of the same images, classes and labels.
    """
    one, other = read_scores(first), read_scores(second)
    same = (one.image_ids, one.class_ids) == (other.image_ids, other.class_ids)
    if not same or (one.labels != other.labels).any():
        raise ValueError(
            f"{first} and {second}: not of the same test images, classes and labels; compare results of the same task"
        )
    values, others = contributions(one), contributions(other)
    ends = intervals_of({name: others[name] - values[name] for name in values})
    return {
        name: Difference(100 * float(values[name].mean()), 100 * float(others[name].mean()), ends[name])
        for name in values
    }
