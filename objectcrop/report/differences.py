"""Rows minus rows: the difference of each seed, and how sure it is."""

import math
import statistics
from collections.abc import Sequence
from typing import Protocol

Interval = tuple[float, float]
"""Lower and upper end."""


class Valued(Protocol):
    """What a difference is taken of: the values of the seeds, in order, and the interval of their mean, if there is one."""

    @property
    def measured(self) -> tuple[float, ...]:
        """Value of each seed."""
        ...

    @property
    def interval(self) -> Interval | None:
        """Of their mean."""
        ...


def difference_of(above: Sequence[Valued], below: Sequence[Valued]) -> tuple[tuple[float, ...], Interval | None]:
    """Return the mean of some rows minus the mean of others, seed by seed, and its interval if every row has one.

    The interval joins those of the two means as if they were independent (MOVER: Zou and Donner 2008, Statistics in Medicine
    27): below the difference is the root of the squared ways from the upper row's mean down and from the lower
    row's mean up, above it the other two. Rows that are judged on the same images share part of their error, so that the
    interval is wider than a paired one. Of several rows, the ways of a mean are the means of theirs, as if they moved together.

    Args:
        above: at least one row.
        below: at least one row, of as many seeds.

    Returns:
        Values and interval; no values if some row was not measured.
    """
    rows = [*above, *below]
    if not all(row.measured for row in rows):
        return (), None
    values = tuple(
        statistics.fmean(seeds[: len(above)]) - statistics.fmean(seeds[len(above) :])
        for seeds in zip(*(row.measured for row in rows), strict=True)
    )
    high, low = joint_interval([row.interval for row in above]), joint_interval([row.interval for row in below])
    if high is None or low is None:
        return values, None
    high_mean, low_mean = _mean(above), _mean(below)
    down = math.hypot(high_mean - high[0], low[1] - low_mean)
    up = math.hypot(high[1] - high_mean, low_mean - low[0])
    centre = high_mean - low_mean
    return values, (centre - down, centre + up)


def joint_interval(intervals: Sequence[Interval | None]) -> Interval | None:
    """Return the interval of a mean of values that share their error: the means of the ends; None if one has none.

    Seeds of a run, and runs, are judged on the same test images, which is what these intervals are over.
    """
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(intervals):
        return None
    return statistics.fmean(low for low, _ in known), statistics.fmean(high for _, high in known)


def _mean(rows: Sequence[Valued]) -> float:
    return statistics.fmean(statistics.fmean(row.measured) for row in rows)
