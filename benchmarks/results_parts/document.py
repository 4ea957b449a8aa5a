"""Markdown of a page of results: where the figures are from, then tables with what to know about them."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

WIDTH = 120


class Table(NamedTuple):
    """A table of a page: `about` above it, `notes` below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    about: Sequence[str] = ()
    notes: Sequence[str] = ()


def page(title: str, result: Mapping[str, Any], about: Iterable[str], tables: Iterable[Table]) -> str:
    """Return the page of one file of results."""
    lines = [f"# {title}", "", "Made by `python benchmarks/write_results.py`; do not edit.", "", *origin(result)]
    lines += paragraphs(about)
    for table in tables:
        lines += ["", f"## {table.title}", *paragraphs(table.about), "", *grid(table.columns, table.rows)]
        lines += ["", *(line for note in table.notes for line in bullet(note))] if table.notes else []
    return "\n".join(lines) + "\n"


def origin(result: Mapping[str, Any]) -> list[str]:
    """Return lines that state command, machine, date and versions, as far as the file holds them."""
    lines = [line for command in result["command"].split("; ") for line in bullet(f"Command: `{command}`")]
    lines += bullet(f"Machine: {result['machine']}.")
    if "date" in result:
        lines += bullet(f"Date: {result['date']}.")
    if "versions" in result:
        lines += bullet(
            "Versions: " + ", ".join(f"{name} {version}" for name, version in result["versions"].items()) + "."
        )
    if "recorded" in result:
        lines += bullet(f"Source: {result['recorded']}")
    return lines


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Return wrapped paragraphs, an empty line before each."""
    return [line for text in texts for line in ("", *wrapped(text))]


def bullet(text: str) -> list[str]:
    """Return a wrapped item of a list."""
    return wrapped(f"- {text}", subsequent_indent="  ")


def wrapped(text: str, subsequent_indent: str = "") -> list[str]:
    """Return lines of at most WIDTH characters; words and addresses stay whole."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=subsequent_indent, break_long_words=False, break_on_hyphens=False
    )


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; an empty column name is allowed."""
    body = ["| " + " | ".join(row) + " |" for row in (columns, *rows)]
    return [body[0], "|---" * len(columns) + "|", *body[1:]]
