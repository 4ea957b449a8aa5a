"""A table of cells as Markdown, CSV and JSON."""

import csv
import io
from typing import Any

from objectcrop.report.cells import STAGES, Cell
from objectcrop.study.settings.tables import Table


def measured_text(cell: Cell) -> str:
    """Mean with one decimal, the deviation over seeds if there is one, and a mark on a stale value."""
    if cell.mean is None:
        return "quoted"
    spread = "" if cell.deviation is None else f" ± {cell.deviation:.1f}"
    return f"{cell.mean:.1f}{spread}{' (other settings)' if cell.is_stale else ''}"


def headings(table: Table) -> list[str]:
    """Column headings: what was measured, and the paper's number and the difference where the paper has the metric."""
    found = [""]
    for column in table.columns:
        found.append(column.label)
        if column.paper_metric is not None:
            found += [f"{column.label}, paper", "difference"]
    return found


def lines(table: Table, cells: list[list[Cell]]) -> list[list[str]]:
    """The body as text, row by row."""
    body = []
    for row, found in zip(table.rows, cells, strict=True):
        line = [row.label]
        for column, cell in zip(table.columns, found, strict=True):
            line.append(measured_text(cell))
            if column.paper_metric is not None:
                line += [cell.paper_text, "" if cell.difference is None else f"{cell.difference:+.1f}"]
        body.append(line)
    return body


def gains(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Sentences: how far each row is from the first row that was measured, by the first column."""
    measured = [(row.label, found[0].mean) for row, found in zip(table.rows, cells, strict=True)]
    known = [(label, mean) for label, mean in measured if mean is not None]
    if len(known) < 2:
        return []
    first, base = known[0]
    return [f"{label}: {mean - base:+.1f} against {first}" for label, mean in known[1:]]


def notes(table: Table, cells: list[list[Cell]]) -> list[str]:
    """The table's note, how many seeds, and what is known of the paper's numbers."""
    found = [table.note] if table.note else []
    counts = {len(cell.measured) for row in cells for cell in row if cell.measured}
    if counts:
        seeds = max(counts)
        found.append(
            "One seed: no spread is known." if seeds == 1 else f"Mean ± standard deviation over {seeds} seeds."
        )
    for row, cells_of_row in zip(table.rows, cells, strict=True):
        found += [f"{row.label}, paper: {text}" for text in dict.fromkeys(c.note for c in cells_of_row if c.note)]
    return found + precision_notes(table, cells)


def precision_notes(table: Table, cells: list[list[Cell]]) -> list[str]:
    """A sentence for each stage that computed in different precisions in this table: which rows in which."""
    found = []
    for stage in STAGES:
        rows: dict[str, list[str]] = {}
        for row, cells_of_row in zip(table.rows, cells, strict=True):
            for precision in sorted(set().union(*(cell.precisions.get(stage, ()) for cell in cells_of_row)) - {"none"}):
                rows.setdefault(precision, []).append(row.label)
        if len(rows) > 1:
            parts = "; ".join(f"{precision}: {', '.join(labels)}" for precision, labels in sorted(rows.items()))
            found.append(f"Precision of {stage} differs between rows: {parts}.")
    return found


def as_markdown(table: Table, cells: list[list[Cell]]) -> str:
    """A Markdown document of the table."""
    head = headings(table)
    rows = [head, ["---"] + ["---:"] * (len(head) - 1), *lines(table, cells)]
    text = "\n".join(f"| {' | '.join(part.replace('|', '/') for part in row)} |" for row in rows)
    below = "\n".join(f"- {note}" for note in notes(table, cells))
    return f"# {table.title}\n\n{text}\n\n{below}\n"


def as_csv(table: Table, cells: list[list[Cell]]) -> str:
    """CSV with the same columns."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([headings(table), *lines(table, cells)])
    return buffer.getvalue()


def as_json(table: Table, cells: list[list[Cell]]) -> dict[str, Any]:
    """Every number with full precision, and the text of the printed table."""
    rows = [
        {
            "label": row.label,
            "run": row.run,
            "cells": [
                {
                    "task": column.task,
                    "metric": column.metric,
                    "measured": list(cell.measured),
                    "mean": cell.mean,
                    "deviation": cell.deviation,
                    "paper": cell.paper,
                    "difference": cell.difference,
                    "is_stale": cell.is_stale,
                    "note": cell.note,
                }
                for column, cell in zip(table.columns, found, strict=True)
            ],
        }
        for row, found in zip(table.rows, cells, strict=True)
    ]
    return {
        "title": table.title,
        "paper_table": table.paper_table,
        "rows": rows,
        "headings": headings(table),
        "lines": lines(table, cells),
        "notes": notes(table, cells),
        "gains": gains(table, cells),
    }
