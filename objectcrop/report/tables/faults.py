"""Known faults of the paper's numbers, and the footnotes that they become under a table."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple, Protocol

from objectcrop.report.tables.places import Places, include, places_of

FAULTS_FILE = Path(__file__).with_name("paper_faults.toml")


class Fault(NamedTuple):
    """Something wrong or unclear.

    Attributes:
        number: that identifies it.
        text: what it is.
        places: of the numbers.
        is_usable: whether a difference to the number means anything.
    """

    number: int
    text: str
    places: Places
    is_usable: bool = True

    def concerns(self, table: str, row: str, metric: str) -> bool:
        """Return whether it is one of this number."""
        return include(self.places, table, row, metric)


def read_faults(path: Path = FAULTS_FILE) -> list[Fault]:
    """Read the list of faults, by number.

    Raises:
        ValueError: naming the file and the entry, if one lacks a part or appears twice.
    """
    faults: dict[int, Fault] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["faults"]:
        try:
            fault = Fault(entry["number"], entry["text"], places_of(entry), not entry.get("unusable", False))
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{path}: expected number, text, and at with table, row and metric, got {entry}"
            ) from error
        if fault.number in faults:
            raise ValueError(f"{path}: fault {fault.number} appears twice")
        faults[fault.number] = fault
    return [faults[number] for number in sorted(faults)]


class Faulty(Protocol):
    """A cell, whose faults are looked for."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Of its published number."""
        ...


class Footnotes:
    """The faults of a table's numbers as letters: at the heading where all numbers of a column have one, else at the number.

    Args:
        cells: row by row; those without a published number have no faults and count nowhere.
    """

    def __init__(self, cells: Sequence[Sequence[Faulty]], is_published: Sequence[Sequence[bool]]) -> None:
        faults = {fault.number: fault for row in cells for cell in row for fault in cell.faults}
        self._letters = dict(zip(sorted(faults), ascii_lowercase, strict=False))
        self._texts = [faults[number].text for number in sorted(faults)]
        columns = zip(zip(*cells, strict=True), zip(*is_published, strict=True), strict=True)
        self._shared = [_shared(column, published) for column, published in columns]

    def of_heading(self, column: int) -> str:
        """Return the marks of all numbers of a column."""
        return self._marks(self._shared[column])

    def of_cell(self, cell: Faulty, column: int) -> str:
        """Return the marks of a number, without those of its column."""
        return self._marks({fault.number for fault in cell.faults} - self._shared[column])

    def sentences(self) -> Iterator[str]:
        """Yield the footnotes."""
        for letter, text in zip(self._letters.values(), self._texts, strict=True):
            yield f"[{letter}] {text}"

    def _marks(self, numbers: set[int]) -> str:
        return f" [{', '.join(self._letters[number] for number in sorted(numbers))}]" if numbers else ""


def _shared(column: Sequence[Faulty], is_published: Sequence[bool]) -> set[int]:
    held = [{fault.number for fault in cell.faults} for cell, has in zip(column, is_published, strict=True) if has]
    return set.intersection(*held) if len(held) > 1 else set()
