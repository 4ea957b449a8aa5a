"""The sentences under a table."""

from collections.abc import Iterator, Mapping, Sequence

from objectcrop.report.tables.budget import MARK
from objectcrop.report.tables.cells import STAGES, Cell
from objectcrop.report.tables.costs import NOTE
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.interval_notes import interval_notes
from objectcrop.study.settings.tables import Table


def notes(filled: FilledTable) -> list[str]:
    """Return the table's note and those on its rows, on budgets, seeds and intervals, on the paper's numbers and their faults.

    Then what is stale, the precisions, and what the hours are.
    """
    table, cells = filled.table, filled.cells
    sentences = [table.note] if table.note else []
    sentences += [f"{row.label}: {row.note}" for row in table.rows if row.note]
    sentences += [f"{row.label}: judged by {_listed(row.tasks)}." for row in table.rows if row.tasks and row.all_runs]
    sentences += _budget_notes(filled)
    sentences += [*_seed_notes(cells), *interval_notes(filled)]
    for row, row_cells in zip(table.rows, cells, strict=True):
        texts = dict.fromkeys(cell.published.note for cell in row_cells if cell.published.note)
        sentences += [f"{row.label}, paper: {text}" for text in texts]
    sentences += filled.footnotes.sentences()
    reasons = dict.fromkeys(cell.stale for row in cells for cell in row if cell.stale)
    sentences += [f"Stale: {reason}." for reason in reasons] + _precision_notes(table, cells)
    return sentences if filled.hours is None else [*sentences, NOTE]


def _budget_notes(filled: FilledTable) -> Iterator[str]:
    """Yield why marked rows are marked; which of them, where there are several reasons."""
    rows: dict[str, list[str]] = {}
    for row, reason in zip(filled.table.rows, filled.reasons, strict=True):
        if reason:
            rows.setdefault(reason, []).append(row.label)
    for reason, labels in rows.items():
        which = f" ({', '.join(labels)})" if len(rows) > 1 else ""
        yield f"{MARK} Reduced budget{which}: {reason}."


def _listed(tasks: Mapping[str, str]) -> str:
    return ", ".join(f"{own} in place of {usual}" for usual, own in tasks.items())


def _seed_notes(cells: Sequence[Sequence[Cell]]) -> list[str]:
    judged = [cell for row in cells for cell in row if cell.precisions or cell.is_difference]
    seeds = max((len(cell.measured) for cell in judged), default=0)
    if not seeds:
        return []
    several = f"Mean ± standard deviation over {seeds} seeds."
    return ["One seed: the spread is unknown." if seeds == 1 else several]


def _precision_notes(table: Table, cells: Sequence[Sequence[Cell]]) -> list[str]:
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
