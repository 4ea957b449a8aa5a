"""Which results a cell of a table was made from."""

from objectcrop.identity.record import read_record
from objectcrop.study.plan import paths
from objectcrop.study.settings.tables import Row, Table


def results_of_cell(file: str, row: str | None, column: str | None) -> list[str]:
    """Return the results that a table's row, column or cell shows, of all seeds.

    Args:
        file: the table, in any of its formats.
        row: label of a row; None is every row.
        column: label of a column; None is every column.

    Raises:
        ValueError: if the file is no table of the workflow, or has no such row or column, or the row is quoted from the paper.
    """
    record = read_record(file)
    if record is None or "table" not in record.settings:
        raise ValueError(f"{file}: is no table of the workflow, or has no record; expected results/tables/NAME.json")
    table = Table.model_validate(record.settings["table"])
    rows = _with_parts(table, [part for part in table.rows if row in (None, part.label)])
    columns = [part for part in table.columns if column in (None, part.label)]
    if not rows or not columns:
        labels = [part.label for part in table.rows], [part.label for part in table.columns]
        raise ValueError(f"{file}: has no row {row!r} or no column {column!r}; rows {labels[0]}, columns {labels[1]}")
    seeds = record.settings["seeds"]
    cells = {cell for part in rows for under in columns if (cell := part.judged_by(under)) is not None}
    wanted = {paths.RESULT.format(run=run, seed=seed, task=task) for run, task in cells for seed in seeds}
    if not wanted:
        raise ValueError(f"{file}: row {row!r} is quoted from the paper: nothing was measured")
    return [entry.path for entry in record.inputs["results"] if entry.path in wanted]


def _with_parts(table: Table, rows: list[Row]) -> list[Row]:
    """Return rows, and those that the differences among them are made from."""
    named = {label for row in rows if row.difference is not None for label in row.difference.labels}
    return [row for row in table.rows if row in rows or row.label in named]
