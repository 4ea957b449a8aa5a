"""The cells of a table: what was measured over the seeds, beside what the paper says."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        is_stale: whether a measured value was made with other settings than today's.
        precisions: what the networks computed in, by stage ("pretraining", "evaluation"), over the seeds; none for a quoted row.
    """

    measured: tuple[float, ...]
    paper: float | None
    paper_text: str
    note: str
    is_stale: bool
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
    expected: Mapping[str, str],
    paper: PaperValues,
    *,
    allow_stale: bool = False,
) -> list[list[Cell]]:
    """Return the cells, row by row.

    Args:
        table: rows and columns.
        results: results of the tasks, one of each (run, task, seed).
        expected: settings hash that each "run/task" must carry.
        paper: the published numbers.
        allow_stale: mark results of other settings instead of raising.

    Raises:
        ValueError: if a result was made with other settings, lacks the metric, or the paper has no such row.
    """
    results_of: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    stale: set[tuple[str, str]] = set()
    for result in results:
        key = (str(result["run"]), str(result["task"]))
        results_of.setdefault(key, []).append(result)
        if result["settings_hash"] != expected.get("/".join(key)):
            stale.add(key)
    if stale and not allow_stale:
        names = ", ".join("/".join(key) for key in sorted(stale))
        raise ValueError(
            f"{names}: made with other settings than the config has now; run `snakemake --forcerun` on the task, or "
            "restore the settings"
        )
    return [[_cell(table, row, column, results_of, stale, paper) for column in table.columns] for row in table.rows]


def _cell(
    table: Table,
    row: Row,
    column: Column,
    results_of: Mapping[tuple[str, str], list[Mapping[str, Any]]],
    stale: set[tuple[str, str]],
    paper: PaperValues,
) -> Cell:
    measured: tuple[float, ...] = ()
    is_stale = False
    precisions: dict[str, frozenset[str]] = {}
    if row.run is not None:
        key = (row.run, column.task)
        if key not in results_of:
            raise ValueError(f"row {row.label!r}: no result of run {row.run!r} on task {column.task!r}")
        ordered = sorted(results_of[key], key=lambda result: int(result["seed"]))
        measured = tuple(_metric(result, column.metric) for result in ordered)
        is_stale = key in stale
        precisions = {stage: frozenset(result["precision"][stage] for result in ordered) for stage in STAGES}
    value, text, note = None, "", ""
    if table.paper_table is not None and row.paper_row is not None and column.paper_metric is not None:
        published = paper.find(table.paper_table, row.paper_row, column.paper_metric)
        if published is not None:
            value, note = published.value, published.note
            text = NOT_AVAILABLE if value is None else f"{value:g}"
    return Cell(measured, value, text, note, is_stale, precisions)


def _metric(result: Mapping[str, Any], name: str) -> float:
    metrics = result["metrics"]
    if name not in metrics or metrics[name] is None:
        available = ", ".join(sorted(metrics))
        raise ValueError(f"{result['run']}/{result['task']}: there is no metric {name!r}; there are: {available}")
    return float(metrics[name])
