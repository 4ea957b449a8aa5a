"""The cells of a table: what was measured over the seeds, beside what the paper says."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from objectcrop.study.paper import PaperValues
from objectcrop.study.settings.tables import Column, Row, Table

NOT_AVAILABLE = "n/a (appendix not available)"
STAGES = ("pretraining", "evaluation")


@dataclass(frozen=True)
class Cell:
    """One row under one column.

    Attributes:
        measured: value of each seed, in the metric's own unit (percent for mAP and AP); empty for a quoted row.
        paper: the published number; None where there is none.
        paper_text: what to print for it.
        note: what is wrong or unclear about the published number.
        stale: what keeps a measured value from being what the study would measure now, in words; empty if nothing.
        precisions: what the networks computed in, by stage ("pretraining", "evaluation"), over the seeds; none for a quoted row.
    """

    measured: tuple[float, ...]
    paper: float | None
    paper_text: str
    note: str
    stale: str
    precisions: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return statistics.fmean(self.measured) if self.measured else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over the seeds; None for fewer than two."""
        return statistics.stdev(self.measured) if len(self.measured) > 1 else None

    @property
    def difference(self) -> float | None:
        """Measured mean minus the paper's number."""
        return None if self.mean is None or self.paper is None else self.mean - self.paper


def build_cells(
    table: Table,
    results: Sequence[Mapping[str, Any]],
    paper: PaperValues,
    stale: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> list[list[Cell]]:
    """Return the cells, row by row.

    Args:
        table: rows and columns.
        results: results of the tasks, one of each (run, task, seed).
        paper: the published numbers.
        stale: what keeps results of a (run, task) from being what the study would measure now, in words.

    Raises:
        ValueError: if a result lacks the metric, or the paper has no such row.
    """
    results_of: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        results_of.setdefault((str(result["run"]), str(result["task"])), []).append(result)
    return [[_cell(table, row, column, results_of, stale, paper) for column in table.columns] for row in table.rows]


def _cell(
    table: Table,
    row: Row,
    column: Column,
    results_of: Mapping[tuple[str, str], list[Mapping[str, Any]]],
    stale: Mapping[tuple[str, str], str],
    paper: PaperValues,
) -> Cell:
    measured: tuple[float, ...] = ()
    reason = ""
    precisions: dict[str, frozenset[str]] = {}
    if row.run is not None:
        key = (row.run, column.task)
        if key not in results_of:
            raise ValueError(f"row {row.label!r}: no result of run {row.run!r} on task {column.task!r}")
        ordered = sorted(results_of[key], key=lambda result: int(result["seed"]))
        measured = tuple(_metric(result, column.metric) for result in ordered)
        reason = stale.get(key, "")
        precisions = {stage: frozenset(result["precision"][stage] for result in ordered) for stage in STAGES}
    value, text, note = None, "", ""
    if table.paper_table is not None and row.paper_row is not None and column.paper_metric is not None:
        published = paper.find(table.paper_table, row.paper_row, column.paper_metric)
        if published is not None:
            value, note = published.value, published.note
            text = NOT_AVAILABLE if value is None else f"{value:g}"
    return Cell(measured, value, text, note, reason, precisions)


def _metric(result: Mapping[str, Any], name: str) -> float:
    metrics = result["metrics"]
    if name not in metrics or metrics[name] is None:
        available = ", ".join(sorted(metrics))
        raise ValueError(f"{result['run']}/{result['task']}: there is no metric {name!r}; there are: {available}")
    return float(metrics[name])
