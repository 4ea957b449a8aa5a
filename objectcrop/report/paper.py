"""The paper's published numbers, with what is wrong or unclear about them."""

import csv
from dataclasses import dataclass
from pathlib import Path

VALUES_FILE = Path(__file__).with_name("paper_values.csv")
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

    def find(self, table: str, row: str, metric: str) -> PaperValue | None:
        """The number of a cell; None if the paper leaves this cell of its table empty.

        Raises:
            ValueError: if the paper has no such table, or the table no such row or no such metric in any row.
        """
        tables = {key[0] for key in self._values}
        if table not in tables:
            raise ValueError(f"the paper has no table {table!r}; there are: {', '.join(sorted(tables))}")
        rows = dict.fromkeys(key[1] for key in self._values if key[0] == table)
        if row not in rows:
            raise ValueError(f"the paper's table {table} has no row {row!r}; there are: {'; '.join(rows)}")
        metrics = dict.fromkeys(key[2] for key in self._values if key[0] == table)
        if metric not in metrics:
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
