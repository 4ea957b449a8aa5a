"""Two selections beside each other: what differs in how they were made, and in what they measured, with intervals."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.evaluate.linear.comparison import Contributions, paired_intervals, read_contributions
from objectcrop.registry.differences import (
    Bytes,
    Difference,
    Records,
    alone,
    code_differences,
    compare_bytes,
    records_of,
    setting_differences,
    version_differences,
)
from objectcrop.registry.places import RESULTS, Selection, place
from objectcrop.report.page.comparison import StudyPair, between, compare_studies, read_study
from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.contrasts import Contrast, interval_over_seeds
from objectcrop.report.tables.differences import joint_interval
from objectcrop.report.tables.intervals import Interval
from objectcrop.runtime.atomic import read_json
from objectcrop.study.plan import paths

NOT_COMPARED = ("learning_rate",)
"""Of the metrics of a result: what was chosen, not measured."""


class Judged(NamedTuple):
    """The results of one run under one task, in the order of their seeds, and the folder that they are in."""

    folder: Path
    run: str
    task: str
    results: Mapping[int, Mapping[str, Any]]

    def cell(self, metric: str) -> dict[str, Any] | None:
        """Return the values of a metric as a cell of a table holds them; None if a seed has none."""
        values = [result["metrics"].get(metric) for result in self.results.values()]
        if None in values:
            return None
        stated = [result.get("intervals", {}).get(metric) for result in self.results.values()]
        known = [None if pair is None else Interval(float(pair[0]), float(pair[1]), "images") for pair in stated]
        cell = Cell(tuple(map(float, values)), image_interval=joint_interval(known))
        ends = None if cell.image_interval is None else [cell.image_interval.low, cell.image_interval.high]
        return {
            "measured": list(cell.measured),
            "mean": cell.mean,
            "deviation": cell.deviation,
            "interval": ends,
            "image_interval": ends,
            "stale": "",
        }

    def contributions(self) -> list[Contributions]:
        """Return what the test images add to the metrics of each seed; none if a seed has no scores."""
        names = {"run": self.run, "task": self.task}
        files = [place(self.folder, paths.RESULT_SCORES, **names, seed=seed) for seed in self.results]
        return [read_contributions(file) for file in files] if all(file.is_file() for file in files) else []


class MetricPair(NamedTuple):
    """A metric of both: its name as TASK.METRIC, behind its run if there are several; means, and the second minus the first.

    Attributes:
        name: see above.
        first: mean over seeds.
        second: mean over seeds.
        difference: with its intervals.
        is_paired: whether the interval over images is of the same test images, drawn for both at once.
    """

    name: str
    first: float
    second: float
    difference: Contrast
    is_paired: bool


class Comparison(NamedTuple):
    """What differs between two selections.

    Attributes:
        first: the one.
        second: the other.
        records: of both.
        settings: that differ.
        code: commits and rules that differ.
        versions: of packages, and machines, that differ.
        contents: which tables and weights are the same.
        alone: files that only one has.
        metrics: that both measured.
        notes: what to know about these, in sentences: seeds that are left out, scores that cannot be paired.
        studies: their tables, of two folders that have reports which can be read.
        without_tables: why there are none of these; empty if there are.
    """

    first: Selection
    second: Selection
    records: tuple[Records, Records]
    settings: tuple[Difference, ...]
    code: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    contents: Bytes
    alone: tuple[tuple[str, ...], tuple[str, ...]]
    metrics: tuple[MetricPair, ...]
    notes: tuple[str, ...]
    studies: StudyPair | None
    without_tables: str

    @property
    def apart(self) -> list[MetricPair]:
        """Metrics that differ by more than their intervals."""
        return [pair for pair in self.metrics if pair.difference.verdict in ("above", "below")]


def compare(first: Selection, second: Selection) -> Comparison:
    """Return what differs.

    Runs are matched by name between two folders; two single runs are matched with each other. Files that both have are compared.

    Raises:
        ValueError: if nothing was recorded of one, or one file is damaged.
    """
    if (first.run is None) != (second.run is None):
        raise ValueError(
            f"{first.words} and {second.words}: expected two folders of results, or two runs, not one of each"
        )
    records = records_of(first), records_of(second)
    for selection, found in zip((first, second), records, strict=True):
        if not found:
            raise ValueError(f"{selection.words}: nothing of it has a record; expected results that rules wrote")
    mine, theirs = _judged(first), _judged(second)
    seeds = _seeds(first, mine), _seeds(second, theirs)
    mine, theirs, notes = _with_common_seeds(mine, theirs)
    settings = setting_differences(*records)
    if seeds[0] != seeds[1]:
        settings = [Difference("seeds", *seeds), *settings]
    images = {name: _paired_over_images(one, theirs[name]) for name, one in mine.items() if name in theirs}
    studies, reason = _studies(first, second)
    return Comparison(
        first,
        second,
        records,
        tuple(settings),
        tuple(code_differences(*records)),
        tuple(version_differences(*records)),
        compare_bytes(*records),
        alone(*records),
        tuple(
            pair for name, paired in images.items() for pair in _of_pair(name, mine[name], theirs[name], paired.ends)
        ),
        (
            *notes,
            *(f"{name}: images are not paired: {paired.reason}" for name, paired in images.items() if paired.reason),
        ),
        studies,
        reason,
    )


def _judged(selection: Selection) -> dict[str, Judged]:
    """Return results by task; of a whole folder by run and task."""
    run = "*" if selection.run is None else selection.run
    seed = "s*" if selection.seed is None else f"s{selection.seed}"
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    named: dict[str, tuple[str, str]] = {}
    for file in sorted(selection.folder.glob(f"eval/{run}/{seed}/*.json")):
        owner, task = file.parts[-3], file.stem
        name = task if selection.run is not None else f"{owner} {task}"
        named[name] = owner, task
        found.setdefault(name, {})[int(file.parts[-2][1:])] = read_json(file)
    return {
        name: Judged(selection.folder, *named[name], dict(sorted(results.items()))) for name, results in found.items()
    }


def _with_common_seeds(
    first: Mapping[str, Judged], second: Mapping[str, Judged]
) -> tuple[dict[str, Judged], dict[str, Judged], list[str]]:
    """Return both with the seeds that both have, where they have some in common, and a sentence for each with others."""
    cut: tuple[dict[str, Judged], dict[str, Judged]] = dict(first), dict(second)
    notes = []
    for name in first.keys() & second.keys():
        seeds = first[name].results.keys() & second[name].results.keys()
        if seeds and first[name].results.keys() != second[name].results.keys():
            for part in cut:
                results = {seed: result for seed, result in part[name].results.items() if seed in seeds}
                part[name] = part[name]._replace(results=results)
            notes.append(
                f"{name}: of the seeds those that both have are compared: {', '.join(map(str, sorted(seeds)))}"
            )
    return *cut, sorted(notes)


def _seeds(selection: Selection, judged: Mapping[str, Judged]) -> str:
    if selection.seed is not None:
        return str(selection.seed)
    return ", ".join(map(str, sorted({seed for one in judged.values() for seed in one.results})))


class _Paired(NamedTuple):
    """Intervals of second minus first over the same test images, by metric; or why there are none, where both have scores."""

    ends: Mapping[str, tuple[float, float]]
    reason: str = ""


def _of_pair(
    name: str, first: Judged, second: Judged, paired: Mapping[str, tuple[float, float]]
) -> Iterator[MetricPair]:
    # trainings of one study with one seed have the same order of images; those of two studies are not paired
    by_seed = first.folder.resolve() == second.folder.resolve() and list(first.results) == list(second.results)
    for metric in dict.fromkeys(metric for result in first.results.values() for metric in result["metrics"]):
        one, other = first.cell(metric), second.cell(metric)
        if one is None or other is None or metric in NOT_COMPARED:
            continue
        found = between(one, other)
        assert found is not None  # both were measured
        if by_seed:
            differences = [b - a for a, b in zip(one["measured"], other["measured"], strict=True)]
            found = found._replace(of_seeds=interval_over_seeds(differences))
        if metric in paired:
            found = found._replace(of_images=paired[metric])
        yield MetricPair(f"{name}.{metric}", one["mean"], other["mean"], found, metric in paired)


def _paired_over_images(first: Judged, second: Judged) -> _Paired:
    try:
        one, other = first.contributions(), second.contributions()
        if not one or not other:
            return _Paired({})
        return _Paired({name: ends for name, ends in paired_intervals(other, one).items() if ends is not None})
    except ValueError as error:  # scores of another version, or other images: the results can still be compared
        return _Paired({}, str(error))


def _studies(first: Selection, second: Selection) -> tuple[StudyPair | None, str]:
    """Return the tables of two folders, or why there are none: a report of another version cannot be read by this one."""
    if first.run is not None:
        return None, f"tables stand side by side where two folders ({RESULTS}) are compared"
    try:
        return compare_studies(read_study(first.folder), read_study(second.folder)), ""
    except ValueError as error:
        return None, str(error)
