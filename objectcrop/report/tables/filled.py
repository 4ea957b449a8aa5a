"""A table with all that is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.faults import Footnotes
from objectcrop.study.settings.tables import Table

RowHours = Sequence[float | None]
"""GPU-hours of each row."""


@dataclass(frozen=True)
class FilledTable:
    """A table, its cells, and what is known of its rows.

    Attributes:
        table: rows and columns.
        cells: row by row.
        hours: GPU-hours of each row; None where nothing ran on a GPU.
        reduced: why a row counts as run at a reduced budget, in words, row by row; empty for one that does not.
        name: of the table in the study.
    """

    table: Table
    cells: Sequence[Sequence[Cell]]
    hours: RowHours | None = None
    reduced: Sequence[str] = ()
    name: str = ""

    @property
    def reasons(self) -> list[str]:
        """Why each row counts as run at a reduced budget; empty for one that does not."""
        return list(self.reduced) or [""] * len(self.table.rows)

    @property
    def footnotes(self) -> Footnotes:
        """The faults of the published numbers."""
        return Footnotes(self.cells, [[bool(cell.published.text) for cell in row] for row in self.cells])
