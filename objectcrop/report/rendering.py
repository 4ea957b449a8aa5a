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
    return f"{cell.mean:.1f}{spread}{' (stale)' if cell.stale else ''}"


def headings(table: Table) -> list[str]:
    """Return column headings; the paper's number and the difference are columns where the paper has the metric."""
    texts = [""]
    for column in table.columns:
        texts.append(column.label)
        if column.paper_metric is not None:
            texts += [f"{column.label}, paper", "difference"]
    return texts


def lines(table: Table, cells: list[list[Cell]]) -> list[list[str]]:
    """Return the body as text, row by row."""
    body = []
    for row, row_cells in zip(table.rows, cells, strict=True):
        line = [row.label]
        for column, cell in zip(table.columns, row_cells, strict=True):
            line.append(measured_text(cell))
            if column.paper_metric is not None:
                line += [cell.paper_text, "" if cell.difference is None else f"{cell.difference:+.1f}"]
        body.append(line)
    return body


def gains(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Return sentences: how far each row is from the first row with a measurement, by the first column."""
    measured = [(row.label, row_cells[0].mean) for row, row_cells in zip(table.rows, cells, strict=True)]
    rows = [(label, mean) for label, mean in measured if mean is not None]
    if len(rows) < 2:
        return []
    first, base = rows[0]
    return [f"{label}: {mean - base:+.1f} against {first}" for label, mean in rows[1:]]


def notes(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Return the table's note, the number of seeds, and notes on the paper's numbers."""
    sentences = [table.note] if table.note else []
    counts = {len(cell.measured) for row in cells for cell in row if cell.measured}
    if counts:
        seeds = max(counts)
        sentences.append(
            "One seed: the spread is unknown." if seeds == 1 else f"Mean ± standard deviation over {seeds} seeds."
        )
    for row, row_cells in zip(table.rows, cells, strict=True):
        sentences += [f"{row.label}, paper: {text}" for text in dict.fromkeys(c.note for c in row_cells if c.note)]
    reasons = dict.fromkeys(cell.stale for row in cells for cell in row if cell.stale)
    return sentences + [f"Stale: {reason}." for reason in reasons] + precision_notes(table, cells)


def precision_notes(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Return a sentence for each stage that computed in different precisions in this table: which rows in which."""
    sentences = []
    for stage in STAGES:
        rows: dict[str, list[str]] = {}
        for row, row_cells in zip(table.rows, cells, strict=True):
            for precision in sorted(set().union(*(cell.precisions.get(stage, ()) for cell in row_cells)) - {"none"}):
                rows.setdefault(precision, []).append(row.label)
        if len(rows) > 1:
            parts = "; ".join(f"{precision}: {', '.join(labels)}" for precision, labels in sorted(rows.items()))
            sentences.append(f"Precision of {stage} differs between rows: {parts}.")
    return sentences


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
    """Return every number with full precision, and the text of the printed table."""
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
                    "stale": cell.stale,
                    "note": cell.note,
                }
                for column, cell in zip(table.columns, row_cells, strict=True)
            ],
        }
        for row, row_cells in zip(table.rows, cells, strict=True)
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
