"""The text of a table: headings, body and marks, alike in every format."""

from collections.abc import Sequence
from typing import NamedTuple

from objectcrop.report.tables.budget import MARK
from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.costs import HEADING, hours_text
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.intervals import Interval
from objectcrop.study.settings.tables import Column

UNMEASURED = "–"
PARTS = ("paper", "measured", "difference")
"""What stands under a heading, where the paper has the metric."""


class Heading(NamedTuple):
    """A heading over one column of text, or over several that have their own.

    Attributes:
        text: the heading.
        parts: headings of the columns below it; none of a column that stands alone.
    """

    text: str
    parts: tuple[str, ...] = ()

    @property
    def flat(self) -> list[str]:
        """The headings of single columns, each with the whole."""
        return [f"{self.text}, {part}" for part in self.parts] or [self.text]


def headings(filled: FilledTable, *, is_marked: bool = True) -> list[Heading]:
    """Return the headings, without that of the row labels.

    Args:
        filled: the table.
        is_marked: whether footnotes are marked.
    """
    texts, footnotes = [], filled.footnotes
    for place, column in enumerate(filled.table.columns):
        paper, *others = PARTS
        marks = footnotes.of_heading(place) if is_marked else ""
        parts = () if column.paper_metric is None else (f"{paper}{marks}", *others)
        texts.append(Heading(column.label, parts))
    return texts if filled.hours is None else [*texts, Heading(HEADING)]


def flat_headings(filled: FilledTable, *, is_marked: bool = True) -> list[str]:
    """Return a heading for each column of text; that of the row labels is empty."""
    return ["", *(text for heading in headings(filled, is_marked=is_marked) for text in heading.flat)]


def lines(filled: FilledTable, *, is_marked: bool = True) -> list[list[str]]:
    """Return the body row by row, with the hours of rows if there are any.

    Args:
        filled: the table.
        is_marked: whether footnotes and rows of a reduced budget are marked.
    """
    body = []
    for number, (row, cells) in enumerate(zip(filled.table.rows, filled.cells, strict=True)):
        mark = f" {MARK}" if is_marked and filled.reasons[number] else ""
        line = [f"{row.label}{mark}", *_row(filled, cells, is_marked=is_marked)]
        body.append(line if filled.hours is None else [*line, hours_text(filled.hours[number])])
    return body


def _row(filled: FilledTable, cells: Sequence[Cell], *, is_marked: bool) -> list[str]:
    texts, footnotes = [], filled.footnotes
    for place, (column, cell) in enumerate(zip(filled.table.columns, cells, strict=True)):
        measured = measured_text(cell, column)
        if column.paper_metric is None:
            texts.append(measured)
        else:
            marks = footnotes.of_cell(cell, place) if is_marked else ""
            texts += [f"{paper_text(cell)}{marks}", measured, over_paper_text(cell, column)]
    return texts


def measured_text(cell: Cell, column: Column) -> str:
    """Return mean, deviation over seeds and interval where there are, a mark on a stale value; a difference has its sign."""
    if cell.mean is None:
        return "quoted" if cell.published.text and not cell.is_difference else UNMEASURED
    form = f"{'+' if cell.is_difference else ''}.{column.decimals}f"
    spread = "" if cell.deviation is None else f" ± {cell.deviation:.{column.decimals}f}"
    return f"{cell.mean:{form}}{spread}{_ends(cell.interval, form)}{' (stale)' if cell.stale else ''}"


def paper_text(cell: Cell) -> str:
    """Return the paper's number; of a difference with its sign."""
    value = cell.published.value
    return f"{value:+g}" if cell.is_difference and value is not None else cell.published.text


def over_paper_text(cell: Cell, column: Column) -> str:
    """Return the measured mean minus the paper's number, and its interval; empty where one of the two is missing."""
    form = f"+.{column.decimals}f"
    return "" if cell.over_paper is None else f"{cell.over_paper:{form}}{_ends(cell.over_paper_interval, form)}"


def _ends(interval: Interval | None, form: str) -> str:
    return "" if interval is None else f" ({interval.low:{form}} to {interval.high:{form}})"
