"""Which results a cell of a table was made from."""

from objectcrop.identity.record import read_record
from objectcrop.study.plan import paths
from objectcrop.study.settings.tables import Table


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
    runs = {part.run for part in table.rows if row in (None, part.label)}
    tasks = {part.task for part in table.columns if column in (None, part.label)}
    if not runs or not tasks:
        rows, columns = [part.label for part in table.rows], [part.label for part in table.columns]
        raise ValueError(f"{file}: has no row {row!r} or no column {column!r}; rows {rows}, columns {columns}")
    seeds = record.settings["seeds"]
    wanted = {
        paths.RESULT.format(run=run, seed=seed, task=task)
        for run in runs
        for task in tasks
        for seed in seeds
        if run is not None
    }
    if not wanted:
        raise ValueError(f"{file}: row {row!r} is quoted from the paper: nothing was measured")
    return [entry.path for entry in record.inputs["results"] if entry.path in wanted]
