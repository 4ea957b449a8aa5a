"""Cells of tables from the rows of a file of results."""

from collections.abc import Mapping, Sequence
from typing import Any

from results_parts.document import Table

Result = Mapping[str, Any]


def values(result: Result) -> dict[str, float]:
    """Return the value of each row by its name."""
    return {row["name"]: row["value"] for row in result["rows"]}


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with `digits` significant digits; whole numbers of up to 6 digits stay whole."""
    if value is None:
        return ""
    if value == 0 or 10 ** (digits - 1) <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def pivot(result: Result, columns: Sequence[str], prefix: str = "", separator: str = ", ") -> list[list[str]]:
    """Return a row for each name without its end, and in it the values at the ends that are named."""
    by_name = values(result)
    ends = tuple(separator + column for column in columns)
    names = [name for name in by_name if name.startswith(prefix) and name.endswith(ends)]
    stems = dict.fromkeys(name[: -len(end)] for name in names for end in ends if name.endswith(end))
    return [[stem.removeprefix(prefix), *(number(by_name.get(stem + end)) for end in ends)] for stem in stems]


def all_rows(result: Result) -> Table:
    """Return every row as it is."""
    rows = [[row["name"].replace("_", " "), number(row["value"]), row["unit"]] for row in result["rows"]]
    return Table("Values", ["what", "value", "unit"], rows)


def ratios(result: Result, about: str, names: Mapping[str, str] | None = None) -> Table:
    """Return how many times as long the peers take."""
    rows = [
        [(names or {}).get(name, name.replace("_", " ")), number(value)] for name, value in result["ratios"].items()
    ]
    return Table("Ratios", ["beside", "ratio"], rows, [about])


FASTER = "The peer's time over ours, both measured in the same run: above 1 ours is faster."
