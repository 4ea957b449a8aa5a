"""Rows minus rows: the difference of each seed, and how sure it is by the test images."""

import math
import statistics
from collections.abc import Sequence
from typing import Protocol

from objectcrop.report.tables.intervals import Interval


class Valued(Protocol):
    """What a difference is taken of: the values of the seeds, in order, and the interval over images of their mean, if known."""

    @property
    def measured(self) -> tuple[float, ...]:
        """Value of each seed."""
        ...

    @property
    def image_interval(self) -> Interval | None:
        """Of their mean."""
        ...


def difference_of(above: Sequence[Valued], below: Sequence[Valued]) -> tuple[float, ...]:
    """Return the mean of some rows minus the mean of others, seed by seed.

    Args:
        above: at least one row.
        below: at least one row, of as many seeds.

    Returns:
        One value a seed; none if some row was not measured.
    """
    rows = [*above, *below]
    if not all(row.measured for row in rows):
        return ()
    return tuple(
        statistics.fmean(seeds[: len(above)]) - statistics.fmean(seeds[len(above) :])
        for seeds in zip(*(row.measured for row in rows), strict=True)
    )


def independent_interval(above: Sequence[Valued], below: Sequence[Valued]) -> Interval | None:
    """Return the interval of such a difference from those of its rows, as if these were independent; None if one has none.

    Joined by MOVER (Zou and Donner 2008, Statistics in Medicine 27): below the difference is the root of the squared ways
    from the upper row's mean down and from the lower row's mean up, above it the other two. Rows that are judged on the
    same images share part of their error, so that the interval is wider than a paired one. Of several rows, the ways of a
    mean are the means of theirs, as if they moved together.

    Args:
        above: at least one row that was measured.
        below: at least one such row.
    """
    high, low = joint_interval([row.image_interval for row in above]), joint_interval([r.image_interval for r in below])
    if high is None or low is None:
        return None
    high_mean, low_mean = _mean(above), _mean(below)
    down = math.hypot(high_mean - high.low, low.high - low_mean)
    up = math.hypot(high.high - high_mean, low_mean - low.low)
    centre = high_mean - low_mean
    return Interval(centre - down, centre + up, "independent rows")


def joint_interval(intervals: Sequence[Interval | None]) -> Interval | None:
    """Return the interval over images of a mean of values that share their error: the means of the ends; None if one has none.

    Seeds of a run, and runs, are judged on the same test images, which is what these intervals are over.
    """
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(intervals):
        return None
    ends = [statistics.fmean(side) for side in zip(*((one.low, one.high) for one in known), strict=True)]
    return Interval(ends[0], ends[1], "images")


def _mean(rows: Sequence[Valued]) -> float:
    return statistics.fmean(statistics.fmean(row.measured) for row in rows)
