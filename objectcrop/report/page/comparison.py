"""The tables of two studies beside each other, cell by cell."""

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from scipy.stats import ttest_ind

from objectcrop.identity.record import read_record
from objectcrop.report.figures.folder import INDEX, ShownFigure, read_figures
from objectcrop.report.figures.rows import ROWS
from objectcrop.report.page.answer import Answer, answer_of
from objectcrop.report.tables.contrasts import Contrast, Interval, difference_over_images
from objectcrop.runtime.atomic import read_json
from objectcrop.study.jobs.report import ReportJob

PAGE = "report/index.html"


class ComparedStudy(NamedTuple):
    """A study as its folder of results holds it: its job of the page, its tables, and the figure of each that has one."""

    folder: str
    job: ReportJob
    tables: dict[str, Mapping[str, Any]]
    figures: dict[str, ShownFigure]

    @property
    def answer(self) -> Answer:
        """Its first screen."""
        return answer_of(self.job, self.tables)


class CellPair(NamedTuple):
    """A cell of both studies, None where one has none, and the second minus the first."""

    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None
    difference: Contrast | None
    digits: int


class TablePair(NamedTuple):
    """A table of both studies: labels of the columns, rows as (label, cells), and the figure of each, if it has one."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellPair, ...]], ...]
    figures: tuple[ShownFigure | None, ShownFigure | None]


class StudyPair(NamedTuple):
    """What the page shows of two studies: the tables that both have."""

    first: ComparedStudy
    second: ComparedStudy
    tables: tuple[TablePair, ...]

    @property
    def differences(self) -> list[Contrast]:
        """Of all cells that both studies measured."""
        cells = (cell for table in self.tables for _, row in table.rows for cell in row)
        return [cell.difference for cell in cells if cell.difference is not None]


def read_study(folder: Path) -> ComparedStudy:
    """Return a study from its folder of results.

    Raises:
        ValueError: naming the folder, if it has no report with a record, or one of another version.
    """
    record = read_record(folder / PAGE)
    if record is None:
        raise ValueError(
            f"{folder}: expected a folder of results with {PAGE} and its record, as `snakemake --cores all` makes them"
        )
    try:
        job = ReportJob.model_validate(record.settings)
    except ValidationError as error:
        raise ValueError(
            f"{folder}: its report was written by another version of this software ({error.error_count()} settings do not fit); "
            "run `snakemake --cores all` in its folder again"
        ) from error
    # in the order of the study; settings are sorted by name
    in_order = dict.fromkeys([*(Path(entry.path).stem for entry in record.inputs.get("tables", ())), *job.tables])
    tables = {name: read_json(folder / f"tables/{name}.json") for name in in_order if name in job.tables}
    return ComparedStudy(str(folder), job, tables, dict(_row_figures(folder, job)))


def compare_studies(first: ComparedStudy, second: ComparedStudy) -> StudyPair:
    """Return the tables of two studies side by side; tables are matched by name, rows and columns by their labels."""
    tables = tuple(_table_pair(name, first, second) for name in first.tables if name in second.tables)
    return StudyPair(first, second, tables)


def between(first: Mapping[str, Any], second: Mapping[str, Any]) -> Contrast | None:
    """Return the cell of one study minus that of another; None if one was not measured.

    Trainings of two studies are not paired: over seeds it is Welch's 95% interval. That over test images joins the two means'
    as if they were independent.
    """
    if not first["measured"] or not second["measured"]:
        return None
    of_images, of_seeds = difference_over_images(second, first), _welch(second["measured"], first["measured"])
    value, num_seeds = second["mean"] - first["mean"], min(len(first["measured"]), len(second["measured"]))
    return Contrast("second", "first", value, of_images, of_seeds, num_seeds, bool(first["stale"] or second["stale"]))


def _welch(second: list[float], first: list[float]) -> Interval | None:
    if min(len(first), len(second)) < 2:
        return None
    if len({*first}) == len({*second}) == 1:
        value = statistics.fmean(second) - statistics.fmean(first)
        return value, value
    low, high = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    return float(low), float(high)


def _table_pair(name: str, first: ComparedStudy, second: ComparedStudy) -> TablePair:
    mine, theirs = (_cells(study, name) for study in (first, second))
    columns = dict.fromkeys(column for cells in (mine, theirs) for _, column in cells)
    labels = dict.fromkeys(label for cells in (mine, theirs) for label, _ in cells)
    digits = {column.label: column.decimals for study in (first, second) for column in study.job.tables[name].columns}
    rows = tuple(
        (
            label,
            tuple(_pair(mine.get((label, column)), theirs.get((label, column)), digits[column]) for column in columns),
        )
        for label in labels
    )
    figures = first.figures.get(name), second.figures.get(name)
    return TablePair(name, first.job.tables[name].title, tuple(columns), rows, figures)


def _cells(study: ComparedStudy, name: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    columns = study.job.tables[name].columns
    return {
        (row["label"], column.label): cell
        for row in study.tables[name]["rows"]
        for column, cell in zip(columns, row["cells"], strict=True)
    }


def _pair(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None, digits: int) -> CellPair:
    return CellPair(first, second, None if first is None or second is None else between(first, second), digits)


def _row_figures(folder: Path, job: ReportJob) -> Iterator[tuple[str, ShownFigure]]:
    for name in job.tables:
        if (folder / f"figures/{name}/{INDEX}").is_file():
            yield from ((name, figure) for figure in read_figures(folder / f"figures/{name}") if figure.name == ROWS)
