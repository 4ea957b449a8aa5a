"""A table as Markdown, CSV and JSON; `latex` has LaTeX."""

import csv
import io
from typing import Any

from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.notes import notes
from objectcrop.report.tables.printed import flat_headings, lines
from objectcrop.study.settings.tables import Column, Row

REDUCED_HEADING = "reduced budget"


def gains(filled: FilledTable) -> list[str]:
    """Return sentences: how far each row is from the first row with a measurement, by the first column.

    None of a table that has rows of its own for differences.
    """
    rows, cells = filled.table.rows, filled.cells
    if any(row.difference for row in rows):
        return []
    means = [(row.label, row_cells[0].mean) for row, row_cells in zip(rows, cells, strict=True)]
    measured = [(label, mean) for label, mean in means if mean is not None]
    if len(measured) < 2:
        return []
    first, base = measured[0]
    return [f"{label}: {mean - base:+.1f} against {first}" for label, mean in measured[1:]]


def as_markdown(filled: FilledTable) -> str:
    """A Markdown document of the table, its columns aligned for the terminal."""
    rows = [[part.replace("|", "/") for part in row] for row in (flat_headings(filled), *lines(filled))]
    widths = [max(3, *(len(row[place]) for row in rows)) for place in range(len(rows[0]))]
    head, *body = [_aligned(row, widths) for row in rows]
    rule = _aligned(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])], widths)
    below = "\n".join(f"- {note}" for note in notes(filled))
    text = "\n".join([head, rule, *body])
    return f"# {filled.table.title}\n\n{text}\n\n{below}\n"


def as_csv(filled: FilledTable) -> str:
    """CSV with the same columns; one more states why rows count as run at a reduced budget. Footnotes have no place in it."""
    reasons, rows = filled.reasons, [flat_headings(filled, is_marked=False), *lines(filled, is_marked=False)]
    if any(reasons):
        rows = [[*row, reason] for row, reason in zip(rows, [REDUCED_HEADING, *reasons], strict=True)]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def as_json(filled: FilledTable) -> dict[str, Any]:
    """Return every number with full precision, and the text of the printed table."""
    table = filled.table
    rows = [
        {
            "label": row.label,
            "run": row.run,
            "gpu_hours": None if filled.hours is None else filled.hours[number],
            "reduced_budget": filled.reasons[number],
            "cells": [
                _cell_json(cell, row, column) for column, cell in zip(table.columns, filled.cells[number], strict=True)
            ],
        }
        for number, row in enumerate(table.rows)
    ]
    return {
        "name": filled.name,
        "title": table.title,
        "paper_table": table.paper_table,
        "rows": rows,
        "headings": flat_headings(filled),
        "lines": lines(filled),
        "notes": notes(filled),
        "gains": gains(filled),
    }


def _aligned(row: list[str], widths: list[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    return f"| {' | '.join([first[0].ljust(first[1]), *(part.rjust(width) for part, width in others)])} |"


def _cell_json(cell: Cell, row: Row, column: Column) -> dict[str, Any]:
    run, task = row.judged_by(column) or (None, column.task)
    interval, over_paper, over_images = cell.interval, cell.over_paper_interval, cell.image_interval
    return {
        "run": run,
        "task": task,
        "metric": column.metric,
        "is_difference": cell.is_difference,
        "measured": list(cell.measured),
        "mean": cell.mean,
        "deviation": cell.deviation,
        "interval": None if interval is None else [interval.low, interval.high],
        "interval_over": None if interval is None else interval.over,
        "image_interval": None if over_images is None else [over_images.low, over_images.high],
        "paper": cell.published.value,
        "difference": cell.over_paper,
        "difference_interval": None if over_paper is None else [over_paper.low, over_paper.high],
        "stale": cell.stale,
        "note": cell.published.note,
        "faults": [fault.number for fault in cell.faults],
    }
