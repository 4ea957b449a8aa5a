"""The paper's published numbers, with what is wrong or unclear about them."""

import csv
from dataclasses import dataclass
from pathlib import Path

VALUES_FILE = Path(__file__).parents[1] / "report/tables/paper_values.csv"
COLUMNS = ["table", "row", "metric", "value", "note"]


@dataclass(frozen=True)
class PaperValue:
    """One published number; None where the paper's appendix could not be had."""

    value: float | None
    note: str


class PaperValues:
    """Published numbers by (table, row, metric)."""

    def __init__(self, values: dict[tuple[str, str, str], PaperValue]) -> None:
        self._values = values

    @property
    def tables(self) -> list[str]:
        """The paper's tables."""
        return list(dict.fromkeys(table for table, _, _ in self._values))

    @property
    def places(self) -> list[tuple[str, str, str]]:
        """Table, row and metric of every number, in order."""
        return list(self._values)

    def rows(self, table: str) -> list[str]:
        """Return the rows of a table."""
        return list(dict.fromkeys(row for of, row, _ in self._values if of == table))

    def metrics(self, table: str) -> list[str]:
        """Return the metrics of a table, each of some row."""
        return list(dict.fromkeys(metric for of, _, metric in self._values if of == table))

    def find(self, table: str, row: str, metric: str) -> PaperValue | None:
        """The number of a cell; None if the paper leaves this cell of its table empty.

        Raises:
            ValueError: if the paper has no such table, or the table no such row or no such metric in any row.
        """
        if table not in self.tables:
            raise ValueError(f"the paper has no table {table!r}; there are: {', '.join(sorted(self.tables))}")
        if row not in (rows := self.rows(table)):
            raise ValueError(f"the paper's table {table} has no row {row!r}; there are: {'; '.join(rows)}")
        if metric not in (metrics := self.metrics(table)):
            raise ValueError(f"the paper's table {table} has no metric {metric!r}; there are: {', '.join(metrics)}")
        return self._values.get((table, row, metric))

    def __len__(self) -> int:
        return len(self._values)


def read_paper_values(path: Path = VALUES_FILE) -> PaperValues:
    """Read the table of published numbers.

    Raises:
        ValueError: naming the line, if a column is missing, a number is none, or a cell appears twice.
    """
    values: dict[tuple[str, str, str], PaperValue] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(f"{path}: expected the columns {COLUMNS}, got {reader.fieldnames}")
        for number, line in enumerate(reader, start=2):
            key = (line["table"], line["row"], line["metric"])
            if key in values:
                raise ValueError(f"{path}, line {number}: {key} appears twice")
            try:
                value = float(line["value"]) if line["value"] else None
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {line['value']!r} is no number") from error
            values[key] = PaperValue(value, line["note"] or "")
    return PaperValues(values)
