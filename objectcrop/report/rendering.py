"""A table of cells as Markdown, CSV and JSON."""

import csv
import io
from typing import Any

from objectcrop.report.cells import Cell
from objectcrop.report.faults import Footnotes
from objectcrop.report.notes import footnotes_of, notes
from objectcrop.study.settings.tables import Column, Table

UNMEASURED = "–"


def measured_text(cell: Cell, column: Column) -> str:
    """Return mean, deviation over seeds and interval where there are, a mark on a stale value; a difference has its sign."""
    if cell.mean is None:
        return "quoted" if cell.published.text and not cell.is_difference else UNMEASURED
    digits = column.decimals
    mean = f"{cell.mean:+.{digits}f}" if cell.is_difference else f"{cell.mean:.{digits}f}"
    spread = "" if cell.deviation is None else f" ± {cell.deviation:.{digits}f}"
    ends = "" if cell.interval is None else f" ({cell.interval[0]:.{digits}f} to {cell.interval[1]:.{digits}f})"
    return f"{mean}{spread}{ends}{' (stale)' if cell.stale else ''}"


def headings(table: Table, footnotes: Footnotes | None = None) -> list[str]:
    """Return column headings; the paper's number and the difference are columns where the paper has the metric."""
    texts = [""]
    for place, column in enumerate(table.columns):
        texts.append(column.label)
        if column.paper_metric is not None:
            marks = "" if footnotes is None else footnotes.of_heading(place)
            texts += [f"{column.label}, paper{marks}", "difference"]
    return texts


def lines(table: Table, cells: list[list[Cell]], footnotes: Footnotes | None = None) -> list[list[str]]:
    """Return the body as text, row by row, with the marks of footnotes if there are any."""
    body = []
    for row, row_cells in zip(table.rows, cells, strict=True):
        line = [row.label]
        for place, (column, cell) in enumerate(zip(table.columns, row_cells, strict=True)):
            line.append(measured_text(cell, column))
            if column.paper_metric is not None:
                marks = "" if footnotes is None else footnotes.of_cell(cell, place)
                line += [f"{paper_text(cell)}{marks}", over_paper_text(cell, column)]
        body.append(line)
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


def as_markdown(table: Table, cells: list[list[Cell]]) -> str:
    """A Markdown document of the table."""
    footnotes = footnotes_of(cells)
    head = headings(table, footnotes)
    rows = [head, ["---"] + ["---:"] * (len(head) - 1), *lines(table, cells, footnotes)]
    text = "\n".join(f"| {' | '.join(part.replace('|', '/') for part in row)} |" for row in rows)
    below = "\n".join(f"- {note}" for note in notes(table, cells))
    return f"# {table.title}\n\n{text}\n\n{below}\n"


def as_csv(table: Table, cells: list[list[Cell]]) -> str:
    """CSV with the same columns; footnotes have no place in it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([headings(table), *lines(table, cells)])
    return buffer.getvalue()


def as_json(table: Table, cells: list[list[Cell]]) -> dict[str, Any]:
    """Return every number with full precision, and the text of the printed table."""
    rows = [
        {
            "label": row.label,
            "run": row.run,
            "cells": [
                _cell_json(cell, row.judged_by(column), column)
                for column, cell in zip(table.columns, row_cells, strict=True)
            ],
        }
        for row, row_cells in zip(table.rows, cells, strict=True)
    ]
    footnotes = footnotes_of(cells)
    return {
        "title": table.title,
        "paper_table": table.paper_table,
        "rows": rows,
        "headings": headings(table, footnotes),
        "lines": lines(table, cells, footnotes),
        "notes": notes(table, cells),
        "gains": gains(table, cells),
    }


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
