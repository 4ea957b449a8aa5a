"""A table of cells as Markdown, CSV and JSON."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from objectcrop.report.cells import Cell
from objectcrop.report.costs import HEADING, NOTE, hours_text
from objectcrop.report.faults import Footnotes
from objectcrop.report.notes import footnotes_of, notes
from objectcrop.study.settings.tables import Column, Table

UNMEASURED = "–"
RowHours = Sequence[float | None]
"""GPU-hours of each row."""


def measured_text(cell: Cell, column: Column) -> str:
    """Return mean, deviation over seeds and interval where there are, a mark on a stale value; a difference has its sign."""
    if cell.mean is None:
        return "quoted" if cell.published.text and not cell.is_difference else UNMEASURED
    digits = column.decimals
    spread = "" if cell.deviation is None else f" ± {cell.deviation:.{digits}f}"
    form = f"+.{digits}f" if cell.is_difference else f".{digits}f"
    ends = "" if cell.interval is None else f" ({cell.interval[0]:{form}} to {cell.interval[1]:{form}})"
    return f"{cell.mean:{form}}{spread}{ends}{' (stale)' if cell.stale else ''}"


def headings(table: Table, footnotes: Footnotes | None = None, hours: RowHours | None = None) -> list[str]:
    """Return column headings; the paper's number and the difference are columns where the paper has the metric."""
    texts = [""]
    for place, column in enumerate(table.columns):
        texts.append(column.label)
        if column.paper_metric is not None:
            marks = "" if footnotes is None else footnotes.of_heading(place)
            texts += [f"{column.label}, paper{marks}", "difference"]
    return texts if hours is None else [*texts, HEADING]


def lines(
    table: Table, cells: list[list[Cell]], footnotes: Footnotes | None = None, hours: RowHours | None = None
) -> list[list[str]]:
    """Return the body as text, row by row, with the marks of footnotes and the hours of rows if there are any."""
    body = []
    for number, (row, row_cells) in enumerate(zip(table.rows, cells, strict=True)):
        line = [row.label]
        for place, (column, cell) in enumerate(zip(table.columns, row_cells, strict=True)):
            line.append(measured_text(cell, column))
            if column.paper_metric is not None:
                marks = "" if footnotes is None else footnotes.of_cell(cell, place)
                line += [f"{paper_text(cell)}{marks}", over_paper_text(cell, column)]
        body.append(line if hours is None else [*line, hours_text(hours[number])])
    return body


def paper_text(cell: Cell) -> str:
    """Return the paper's number; of a difference with its sign."""
    value = cell.published.value
    return f"{value:+g}" if cell.is_difference and value is not None else cell.published.text


def over_paper_text(cell: Cell, column: Column) -> str:
    """Return the measured mean minus the paper's number; empty where one of them is missing."""
    return "" if cell.over_paper is None else f"{cell.over_paper:+.{column.decimals}f}"


def gains(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Return sentences: how far each row is from the first row with a measurement, by the first column.

    None of a table that has rows of its own for differences.
    """
    if any(row.difference for row in table.rows):
        return []
    measured = [(row.label, row_cells[0].mean) for row, row_cells in zip(table.rows, cells, strict=True)]
    rows = [(label, mean) for label, mean in measured if mean is not None]
    if len(rows) < 2:
        return []
    first, base = rows[0]
    return [f"{label}: {mean - base:+.1f} against {first}" for label, mean in rows[1:]]


def as_markdown(table: Table, cells: list[list[Cell]], hours: RowHours | None = None) -> str:
    """A Markdown document of the table; `hours` are the GPU-hours of its rows."""
    footnotes = footnotes_of(cells)
    head = headings(table, footnotes, hours)
    rows = [head, ["---"] + ["---:"] * (len(head) - 1), *lines(table, cells, footnotes, hours)]
    text = "\n".join(f"| {' | '.join(part.replace('|', '/') for part in row)} |" for row in rows)
    below = "\n".join(f"- {note}" for note in _all_notes(table, cells, hours))
    return f"# {table.title}\n\n{text}\n\n{below}\n"


def as_csv(table: Table, cells: list[list[Cell]], hours: RowHours | None = None) -> str:
    """CSV with the same columns; footnotes have no place in it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([headings(table, hours=hours), *lines(table, cells, hours=hours)])
    return buffer.getvalue()


def as_json(table: Table, cells: list[list[Cell]], hours: RowHours | None = None) -> dict[str, Any]:
    """Return every number with full precision, and the text of the printed table."""
    rows = [
        {
            "label": row.label,
            "run": row.run,
            "gpu_hours": None if hours is None else hours[number],
            "cells": [
                _cell_json(cell, row.judged_by(column), column)
                for column, cell in zip(table.columns, row_cells, strict=True)
            ],
        }
        for number, (row, row_cells) in enumerate(zip(table.rows, cells, strict=True))
    ]
    footnotes = footnotes_of(cells)
    return {
        "title": table.title,
        "paper_table": table.paper_table,
        "rows": rows,
        "headings": headings(table, footnotes, hours),
        "lines": lines(table, cells, footnotes, hours),
        "notes": _all_notes(table, cells, hours),
        "gains": gains(table, cells),
    }


def _all_notes(table: Table, cells: list[list[Cell]], hours: RowHours | None) -> list[str]:
    return notes(table, cells) if hours is None else [*notes(table, cells), NOTE]


def _cell_json(cell: Cell, judged: tuple[str, str] | None, column: Column) -> dict[str, Any]:
    run, task = judged or (None, column.task)
    return {
        "run": run,
        "task": task,
        "metric": column.metric,
        "is_difference": cell.is_difference,
        "measured": list(cell.measured),
        "mean": cell.mean,
        "deviation": cell.deviation,
        "interval": cell.interval,
        "paper": cell.published.value,
        "difference": cell.over_paper,
        "stale": cell.stale,
        "note": cell.published.note,
        "faults": [fault.number for fault in cell.faults],
    }
