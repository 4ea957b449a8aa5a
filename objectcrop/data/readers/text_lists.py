"""Text files of one record a line, fields apart by spaces: the lists of fine-grained data sets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """A record: its fields after the key, and where it stands, for messages."""

    fields: tuple[str, ...]
    place: str

    def numbers(self) -> tuple[float, ...]:
        """Return the fields as numbers.

        Raises:
            ValueError: naming file and line, if one is none.
        """
        try:
            return tuple(float(field) for field in self.fields)
        except ValueError:
            raise ValueError(f"{self.place}: expected numbers, got {' '.join(self.fields)[:200]!r}") from None


def read_list(path: Path, form: Sequence[str]) -> dict[str, Line]:
    """Return records by their first field, in the file's order; blank lines are passed over.

    Args:
        path: the file, UTF-8, with or without byte-order mark.
        form: names of the fields; the last may hold spaces.

    Raises:
        ValueError: naming file and line, if a line has too few fields or a key repeats; the file, if it is empty or no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 text ({error})") from error
    records: dict[str, Line] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        key, *fields = line.split(maxsplit=len(form) - 1)
        if len(fields) != len(form) - 1:
            raise ValueError(f"{place}: expected {' '.join(f'<{name}>' for name in form)}, got {line[:200]!r}")
        if key in records:
            raise ValueError(f"{place}: {form[0]} {key[:200]!r} occurs more than once")
        records[key] = Line(tuple(field.strip() for field in fields), place)
    if not records:
        raise ValueError(f"{path}: the list is empty")
    return records


def require_keys(lines: dict[str, Line], wanted: Iterable[str], *, path: Path, what: str) -> None:
    """Check that a list has a record for each key that another file names.

    Raises:
        ValueError: naming the list and the first key that it lacks.
    """
    lacking = [key for key in wanted if key not in lines]
    if lacking:
        raise ValueError(f"{path}: lacks {len(lacking)} {what}(s), first {lacking[0]!r}; get the whole data set")
