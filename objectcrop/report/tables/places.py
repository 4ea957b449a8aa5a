"""Places of paper_values.csv, as the files beside it name them."""

from collections.abc import Iterable, Mapping
from typing import Any

ANY = "*"

Places = tuple[tuple[str, str, str], ...]
"""(table, row, metric) of some numbers; `*` is any row or metric."""


def places_of(entry: Mapping[str, Any]) -> Places:
    """Return the places that an entry of a file names under `at`.

    Raises:
        KeyError: if it names none.
        ValueError: if one is no table, row and metric.
    """
    return tuple((table, row, metric) for table, row, metric in entry["at"])


def include(places: Iterable[tuple[str, str, str]], table: str, row: str, metric: str) -> bool:
    """Return whether a number is at one of the places."""
    return any(of == table and rows in (row, ANY) and metrics in (metric, ANY) for of, rows, metrics in places)
