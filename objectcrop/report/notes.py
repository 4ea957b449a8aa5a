"""The sentences under a table."""

from collections.abc import Mapping

from objectcrop.report.cells import STAGES, Cell
from objectcrop.report.faults import Footnotes
from objectcrop.study.settings.tables import Table


def notes(table: Table, cells: list[list[Cell]]) -> list[str]:
    """Return the table's note, those on its rows, the number of seeds, notes on the paper's numbers, and their faults."""
    sentences = [table.note] if table.note else []
    sentences += [f"{row.label}: {row.note}" for row in table.rows if row.note]
    sentences += [f"{row.label}: judged by {_listed(row.tasks)}." for row in table.rows if row.tasks and row.all_runs]
    sentences += _seed_notes(cells)
    for row, row_cells in zip(table.rows, cells, strict=True):
        texts = dict.fromkeys(cell.published.note for cell in row_cells if cell.published.note)
        sentences += [f"{row.label}, paper: {text}" for text in texts]
    sentences += footnotes_of(cells).sentences()
    reasons = dict.fromkeys(cell.stale for row in cells for cell in row if cell.stale)
    return sentences + [f"Stale: {reason}." for reason in reasons] + _precision_notes(table, cells)


def footnotes_of(cells: list[list[Cell]]) -> Footnotes:
    """Return the faults of a table's published numbers as footnotes."""
    return Footnotes(cells, [[bool(cell.published.text) for cell in row] for row in cells])


def _listed(tasks: Mapping[str, str]) -> str:
    return ", ".join(f"{own} in place of {usual}" for usual, own in tasks.items())


def _seed_notes(cells: list[list[Cell]]) -> list[str]:
    judged = [cell for row in cells for cell in row if cell.precisions or cell.is_difference]
    counts = {len(cell.measured) for cell in judged if cell.measured}
    if not counts:
        return []
    seeds = max(counts)
    several = f"Mean ± standard deviation over {seeds} seeds."
    sentences = ["One seed: the spread is unknown." if seeds == 1 else several]
    if any(cell.interval for cell in judged):
        sentences.append(
            "In brackets: 95% interval over the test images; of a difference, as if rows were independent."
        )
    return sentences


def _precision_notes(table: Table, cells: list[list[Cell]]) -> list[str]:
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
