"""Entries as rows: filtered, as a table for people, as CSV for programs."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.registry.entry import Entry, read_entries
from objectcrop.runtime.progress import clock

MAIN_METRICS = ("map", "top1", "AP", "miou")
"""Of a task the first of these that it measures stands in the list, unless others are asked for."""
_CONDITION = re.compile(r"(?P<name>[\w.+-]+?)(?P<sign>!=|=|<|>)(?P<value>.*)")

Row = dict[str, Any]


class Condition(NamedTuple):
    """What a row must be: a pattern of text (`=`, `!=`; * and ? stand for anything), or a bound of a number (`<`, `>`)."""

    name: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Return the condition of a text, as `state=training`, `run!=oac*` or `linear.map>30`.

        Raises:
            ValueError: if it is none.
        """
        found = _CONDITION.fullmatch(text)
        if found is None or (found["sign"] in "<>" and not _is_number(found["value"])):
            raise ValueError(
                f"{text!r}: expected COLUMN=PATTERN, COLUMN!=PATTERN, COLUMN<NUMBER or COLUMN>NUMBER, as state=training or "
                "linear.map>30"
            )
        return cls(**found.groupdict())

    def holds(self, row: Row) -> bool:
        """Return whether a row is so; one without the value is not, whatever is asked."""
        value = row.get(self.name)
        if value is None:
            return False
        if self.sign in "<>":
            return float(value) < float(self.value) if self.sign == "<" else float(value) > float(self.value)
        return fnmatchcase(str(value), self.value) == (self.sign == "=")


def list_rows(folders: Iterable[Path], where: Sequence[str]) -> list[Row]:
    """Return the runs of folders of results as rows, those for which all conditions hold (see `Condition.parse`)."""
    conditions = [Condition.parse(text) for text in where]
    return select_rows([as_row(entry) for folder in folders for entry in read_entries(folder)], conditions)


def as_row(entry: Entry) -> Row:
    """Return an entry as plain values by column; None where it has none."""
    progress, written = entry.progress, entry.written
    provenance = [one.value.get("provenance", {}) for one in written]
    precision = None if entry.summary is None else entry.summary.value["precision"]
    settings = {} if entry.summary is None else entry.summary.value["settings"]
    return {
        "folder": str(entry.folder),
        "run": entry.run,
        "seed": entry.seed,
        "state": entry.state,
        "results": len(entry.results),
        "missing": " ".join(entry.missing) or None,
        "method": settings.get("method"),
        "step": None if progress is None else progress.step,
        "share": None if progress is None else progress.share,
        "images_per_s": None if progress is None else progress.images_per_s,
        "seconds_left": None if progress is None or entry.summary is not None else progress.seconds_left,
        "loss": None if progress is None else progress.loss,
        "last_line_s": None if progress is None else progress.age_s,
        "seconds": entry.seconds,
        "gpu_seconds": entry.gpu_seconds,
        "precision": precision,
        "device": _joined(one.device.get("name") for one in written),
        "commit": _joined(one.get("commit") for one in provenance),
        "settings_hash": None if entry.summary is None else entry.summary.value["settings_hash"],
        **entry.metrics,
    }


def select_rows(rows: Iterable[Row], conditions: Sequence[Condition]) -> list[Row]:
    """Return the rows for which all conditions hold.

    Raises:
        ValueError: if a condition is on a column that no row has.
    """
    every = list(rows)
    known = dict.fromkeys(name for row in every for name in row)
    for condition in conditions:
        if every and condition.name not in known:
            raise ValueError(f"no column {condition.name!r}; there are {', '.join(known)}")
    return [row for row in every if all(condition.holds(row) for condition in conditions)]


def as_table(rows: Sequence[Row], metrics: Sequence[str] = ()) -> str:
    """Return a table for people.

    Args:
        rows: of `as_row`.
        metrics: as TASK.METRIC; by default the main one of each task.
    """
    has_folders = len({row["folder"] for row in rows}) > 1
    shown = list(metrics) or _main_metrics(rows)
    columns: dict[str, Callable[[Row], str]] = {
        **({"folder": lambda row: row["folder"]} if has_folders else {}),
        "run": lambda row: f"{row['run']} s{row['seed']}",
        "state": lambda row: row["state"],
        "results": lambda row: f"{row['results']}/{row['results'] + len((row['missing'] or '').split())}",
        "trained": lambda row: _share(row["share"]),
        "step": lambda row: _number(row["step"]),
        "images/s": lambda row: _number(row["images_per_s"]),
        "left": lambda row: "-" if row["seconds_left"] is None else clock(row["seconds_left"]),
        "loss": lambda row: _number(row["loss"]),
        **{name: partial(_cell, name=name) for name in shown},
        "time": lambda row: clock(row["seconds"]),
        "GPU-hours": lambda row: "-" if not row["gpu_seconds"] else f"{row['gpu_seconds'] / 3600:.3g}",
        "commit": lambda row: row["commit"] or "-",
    }
    lines = [list(columns), *([text(row) for text in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    num_words = 2 + has_folders
    return "\n".join(
        "  ".join(
            part.ljust(width) if place < num_words else part.rjust(width)
            for place, (part, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_csv(rows: Sequence[Row]) -> str:
    """Return all columns of the rows as CSV; a value that a row lacks is empty."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _main_metrics(rows: Sequence[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row if "." in name)
    tasks = dict.fromkeys(name.rpartition(".")[0] for name in names)
    mains = ([f"{task}.{metric}" for metric in MAIN_METRICS if f"{task}.{metric}" in names][:1] for task in tasks)
    return [name for found in mains for name in found]


def _joined(values: Iterable[str | None]) -> str | None:
    return ", ".join(dict.fromkeys(filter(None, values))) or None


def _cell(row: Row, name: str) -> str:
    return _number(row.get(name))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}%"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text) is not None
