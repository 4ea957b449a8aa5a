"""How sure a number of a table is: its 95% interval, and what that is over."""

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from scipy.special import stdtrit  # Student's t; scipy.stats has the same function and takes two seconds to import

CONFIDENCE = 0.95

Over = Literal["seeds", "images", "paired images", "independent rows"]
"""Seeds, the test images, or, of a difference of rows, the images that its rows share, or each row's own as if they shared none."""


class Interval(NamedTuple):
    """A 95% interval: its ends, and what it is over."""

    low: float
    high: float
    over: Over

    def minus(self, value: float) -> "Interval":
        """Return the interval of a number that is smaller by a constant."""
        return Interval(self.low - value, self.high - value, self.over)


def seed_interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of a mean over seeds: Student's t (1908), mean +- t s / sqrt(n) with n - 1 degrees of freedom.

    It is not clipped to what the metric can be: of two seeds it often goes beyond.

    Args:
        values: one a seed.

    Returns:
        None of fewer than two, or if all are equal: then nothing in them depends on the seed.
    """
    if len(values) < 2 or min(values) == max(values):
        return None
    mean, half = statistics.fmean(values), reach(len(values)) * statistics.stdev(values)
    return Interval(mean - half, mean + half, "seeds")


def reach(num_seeds: int) -> float:
    """Return how many standard deviations such an interval goes each way, for at least two seeds."""
    return float(stdtrit(num_seeds - 1, (1 + CONFIDENCE) / 2)) / math.sqrt(num_seeds)
