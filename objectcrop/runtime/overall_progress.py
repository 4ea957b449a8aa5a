"""Progress of a whole workflow: how many jobs, how long about, from what Snakemake prints while it runs."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from objectcrop.runtime.atomic import read_json
from objectcrop.runtime.progress import clock

_STATS_LINE = re.compile(r"(?P<rule>\w+) +(?P<count>\d+)")
_FINISHED = re.compile(r"Finished jobid: \d+ \(Rule: (?P<rule>\w+)\)")
_STEPS = re.compile(r"\d+ of \d+ steps \(\d+%\) done")
_NOISE = ("Select jobs to execute...", "Execute ")
_TARGET = "all"
"""The rule that does nothing but ask for the others."""
_BELIEVED_SHARE = 0.1
"""From this share of the work on, the rate of this run counts instead of the forecast."""


@dataclass(frozen=True)
class Forecast:
    """What the jobs of a workflow are expected to take on this machine.

    Attributes:
        job_seconds: of one job of each rule, as recorded on the machine of the benchmark.
        concurrency: seconds of jobs that went by in a second of the whole run there.
        slowness: how many times as long the same computation takes on this machine.
    """

    job_seconds: Mapping[str, float]
    concurrency: float
    slowness: float

    def seconds(self, counts: Mapping[str, int]) -> float:
        """Return the wall-clock seconds that so many jobs of each rule take; rules without a record take none."""
        total = sum(self.job_seconds.get(rule, 0.0) * count for rule, count in counts.items())
        return total / self.concurrency * self.slowness


def read_forecast(record: Path, calibration_s: float) -> Forecast:
    """Return what jobs take here, from a record of `benchmarks/first_run.py`.

    Args:
        record: JSON with rows "job RULE", "whole run" and "calibration", in seconds, and "jobs RULE", how many there were.
        calibration_s: what the computation of the row "calibration" takes on this machine.
    """
    rows = {str(row["name"]): float(row["value"]) for row in read_json(record)["rows"]}
    job_seconds = {name.removeprefix("job "): value for name, value in rows.items() if name.startswith("job ")}
    total = sum(value * rows[f"jobs {rule}"] for rule, value in job_seconds.items())
    return Forecast(job_seconds, total / rows["whole run"], calibration_s / rows["calibration"])


class OverallProgress:
    """Turns the lines that Snakemake prints on standard error into lines about the whole run.

    Args:
        forecast: what jobs take.
        now: a clock, seconds.
    """

    def __init__(self, forecast: Forecast, now: Callable[[], float] = time.monotonic) -> None:
        self._forecast, self._now, self._start = forecast, now, now()
        self._counts: dict[str, int] | None = None
        self._left: dict[str, int] = {}
        self._last = ""

    def read(self, line: str) -> str | None:
        """Return what to print for a line of Snakemake's: the line itself, one about the whole run, or nothing (None)."""
        text = line.rstrip("\n")
        if text.startswith("Job stats:"):
            self._counts = {}
            return None
        elif self._counts is not None and not self._left:
            return self._read_stats(text)
        elif finished := _FINISHED.fullmatch(text):
            self._last = finished["rule"]
            self._left[self._last] = max(self._left.get(self._last, 0) - 1, 0)
            return None
        elif _STEPS.fullmatch(text):
            return self._overall()
        return None if text.startswith(_NOISE) else text

    def _read_stats(self, text: str) -> str | None:
        assert self._counts is not None
        stats = _STATS_LINE.fullmatch(text.strip())
        if stats is None:
            return None
        if stats["rule"] != "total":
            self._counts[stats["rule"]] = int(stats["count"])
            return None
        self._left, self._start = dict(self._counts), self._now()
        return f"overall: {self._num(self._counts)} jobs, about {clock(self._forecast.seconds(self._counts))} on this machine"

    def _overall(self) -> str:
        assert self._counts is not None
        total, left = self._num(self._counts), self._num(self._left)
        elapsed, whole, rest = (
            self._now() - self._start,
            self._forecast.seconds(self._counts),
            self._forecast.seconds(self._left),
        )
        if whole > 0 and whole - rest >= _BELIEVED_SHARE * whole:
            rest *= elapsed / (whole - rest)
        return (
            f"overall: {total - left} of {total} jobs done, the last one {self._last}; {clock(elapsed)} so far, "
            f"about {clock(rest)} left"
        )

    @staticmethod
    def _num(counts: Mapping[str, int]) -> int:
        return sum(count for rule, count in counts.items() if rule != _TARGET)
