"""The cells of a table: what was measured over the seeds, beside what the paper says."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from objectcrop.evaluate.linear.comparison import Contributions, paired_intervals
from objectcrop.report.tables.differences import difference_of, independent_interval, joint_interval
from objectcrop.report.tables.faults import Fault
from objectcrop.report.tables.intervals import Interval, seed_interval
from objectcrop.study.paper import PaperValues
from objectcrop.study.settings.tables import Column, Row, Table

NOT_AVAILABLE = "n/a (appendix not available)"
STAGES = ("pretraining", "evaluation")


class Published(NamedTuple):
    """What the paper says of a cell; nothing, if it has none.

    Attributes:
        value: the number; None where there is none.
        text: what to print for it.
        note: what to know about it.
        faults: what is wrong or unclear about it.
    """

    value: float | None = None
    text: str = ""
    note: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One row under one column.

    Attributes:
        measured: value of each seed, in the metric's own unit (percent for mAP and AP); empty for a quoted row.
        published: what the paper says.
        stale: what keeps a measured value from being what the study would measure now, in words; empty if nothing.
        precisions: what the networks computed in, by stage ("pretraining", "evaluation"), over the seeds; none for a quoted row.
        image_interval: 95% interval of the mean over the test images, if every result has one.
        is_difference: whether the value is that of rows minus rows.
    """

    measured: tuple[float, ...] = ()
    published: Published = field(default_factory=Published)
    stale: str = ""
    precisions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    image_interval: Interval | None = None
    is_difference: bool = False

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return statistics.fmean(self.measured) if self.measured else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over the seeds; None for fewer than two."""
        return statistics.stdev(self.measured) if len(self.measured) > 1 else None

    @property
    def interval(self) -> Interval | None:
        """95% interval of the mean: over the seeds where they differ, else over the test images, if that is known."""
        return seed_interval(self.measured) or self.image_interval

    @property
    def over_paper(self) -> float | None:
        """Measured mean minus the paper's number; None for a number that is no target."""
        if self.mean is None or self.published.value is None or not all(fault.is_usable for fault in self.faults):
            return None
        return self.mean - self.published.value

    @property
    def over_paper_interval(self) -> Interval | None:
        """The interval of that: of what was measured, as the paper states none of its number."""
        if self.over_paper is None or self.interval is None or self.published.value is None:
            return None
        return self.interval.minus(self.published.value)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong or unclear about the published number."""
        return self.published.faults


class Measured(NamedTuple):
    """What the cells of a table are made from.

    Attributes:
        results: of the tasks, one of each (run, task, seed).
        stale: what keeps results of a (run, task) from being what the study would measure now, in words.
        proposals: summaries by (data set, source).
        stale_proposals: the same of these.
        contributions: of the test images to the metrics of each seed, by (run, task), for differences that are paired by them.
    """

    results: Sequence[Mapping[str, Any]] = ()
    stale: Mapping[tuple[str, str], str] = MappingProxyType({})
    proposals: Mapping[tuple[str, str], Mapping[str, Any]] = MappingProxyType({})
    stale_proposals: Mapping[tuple[str, str], str] = MappingProxyType({})
    contributions: Mapping[tuple[str, str], Sequence[Contributions]] = MappingProxyType({})


def build_cells(table: Table, measured: Measured, paper: PaperValues, faults: Sequence[Fault] = ()) -> list[list[Cell]]:
    """Return the cells, row by row.

    Args:
        table: rows and columns.
        measured: results, and summaries of proposals.
        paper: the published numbers.
        faults: what is wrong or unclear about these.

    Raises:
        ValueError: if a result lacks the metric, or the paper has no such row.
    """
    results_of: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in measured.results:
        results_of.setdefault((str(result["run"]), str(result["task"])), []).append(result)
    published = [[_published(table, row, column, paper, faults) for row in table.rows] for column in table.columns]
    columns = [
        _column_cells(table, column, measured, results_of, texts)
        for column, texts in zip(table.columns, published, strict=True)
    ]
    return [list(cells) for cells in zip(*columns, strict=True)]


def _column_cells(
    table: Table,
    column: Column,
    measured: Measured,
    results_of: Mapping[tuple[str, str], list[Mapping[str, Any]]],
    published: Sequence[Published],
) -> list[Cell]:
    own = [
        Cell(published=text) if row.difference else _cell(row, column, measured, results_of, text)
        for row, text in zip(table.rows, published, strict=True)
    ]
    by_label = {row.label: (row, cell) for row, cell in zip(table.rows, own, strict=True) if not row.difference}
    return [
        cell
        if row.difference is None
        else _difference(
            [by_label[label] for label in row.difference.of],
            [by_label[label] for label in row.difference.minus],
            column,
            measured,
            cell.published,
        )
        for row, cell in zip(table.rows, own, strict=True)
    ]


def _cell(
    row: Row,
    column: Column,
    measured: Measured,
    results_of: Mapping[tuple[str, str], list[Mapping[str, Any]]],
    published: Published,
) -> Cell:
    if row.proposals is not None and column.task is None:
        pair = row.proposals.dataset, row.proposals.source
        return Cell((_of_proposals(pair, column, measured),), published, measured.stale_proposals.get(pair, ""))
    key = row.judged_by(column)
    if key is None:
        return Cell(published=published)
    if key not in results_of:
        raise ValueError(f"row {row.label!r}: no result of run {key[0]!r} on task {key[1]!r}")
    ordered = sorted(results_of[key], key=lambda result: int(result["seed"]))
    return Cell(
        tuple(_metric(result, column.metric) for result in ordered),
        published,
        measured.stale.get(key, ""),
        {stage: frozenset(result["precision"][stage] for result in ordered) for stage in STAGES},
        joint_interval([_interval(result, column.metric) for result in ordered]),
    )


def _difference(
    of: Sequence[tuple[Row, Cell]],
    minus: Sequence[tuple[Row, Cell]],
    column: Column,
    measured: Measured,
    published: Published,
) -> Cell:
    above, below = [cell for _, cell in of], [cell for _, cell in minus]
    values = difference_of(above, below)
    if not values:
        return Cell(published=published, is_difference=True)
    paired = _paired_interval([row for row, _ in of], [row for row, _ in minus], column, measured)
    stale = next((cell.stale for cell in (*above, *below) if cell.stale), "")
    interval = independent_interval(above, below) if paired is None else paired
    return Cell(values, published, stale, {}, interval, is_difference=True)


def _paired_interval(of: Sequence[Row], minus: Sequence[Row], column: Column, measured: Measured) -> Interval | None:
    """Return the interval over the images that all rows share; None where they share none, or their scores are not here."""
    above, below = (_contributions(rows, column, measured) for rows in (of, minus))
    if not above or not below or len({one.images for one in (*above, *below)}) > 1:
        return None
    ends = paired_intervals(above, below).get(column.metric)
    return None if ends is None else Interval(*ends, "paired images")


def _contributions(rows: Sequence[Row], column: Column, measured: Measured) -> list[Contributions]:
    """Return those of all rows and seeds; none if one row has none."""
    keys = [row.judged_by(column) for row in rows]
    several = [measured.contributions[key] for key in keys if key is not None and key in measured.contributions]
    return [one for ones in several for one in ones] if len(several) == len(rows) else []


def _published(table: Table, row: Row, column: Column, paper: PaperValues, faults: Sequence[Fault]) -> Published:
    place = table.published_at(row, column)
    found = None if place is None else paper.find(*place)
    if place is None or found is None:
        return Published()
    text = NOT_AVAILABLE if found.value is None else f"{found.value:g}"
    return Published(found.value, text, found.note, tuple(fault for fault in faults if fault.concerns(*place)))


def _metric(result: Mapping[str, Any], name: str) -> float:
    metrics = result["metrics"]
    if name not in metrics or metrics[name] is None:
        available = ", ".join(sorted(metrics))
        raise ValueError(f"{result['run']}/{result['task']}: there is no metric {name!r}; there are: {available}")
    return float(metrics[name])


def _interval(result: Mapping[str, Any], name: str) -> Interval | None:
    ends = result.get("intervals", {}).get(name)
    return None if ends is None else Interval(float(ends[0]), float(ends[1]), "images")


def _of_proposals(pair: tuple[str, str], column: Column, measured: Measured) -> float:
    if pair not in measured.proposals:
        raise ValueError(f"no summary of the proposals {'/'.join(pair)}")
    value = measured.proposals[pair].get(column.metric)
    if value is None:
        raise ValueError(
            f"proposals {'/'.join(pair)}: there is no number {column.metric!r}, as where no image has a box"
        )
    return float(value)
