"""One table with one of everything, in every format, against files.

After a wanted change: `OBJECTCROP_REGENERATE=1 python -m pytest tests/report/tables/test_golden_table.py`, and read the diff.
"""

import csv
import json
import os
from pathlib import Path

import pytest

from objectcrop.report.tables.latex import as_latex
from objectcrop.report.tables.rendering import as_csv, as_json, as_markdown
from tests.report.tables.filled_table import filled_table

GOLDEN = Path(__file__).resolve().parents[2] / "golden/table"


def rounded(value):
    """Without the last bits, in which processors and versions of scipy may differ."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 9) if isinstance(value, float) else value


def as_text(filled):
    return json.dumps(rounded(as_json(filled)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


FORMATS = {"markdown": as_markdown, "csv": as_csv, "json": as_text, "latex": as_latex}


@pytest.mark.parametrize("name", FORMATS)
def test_the_table_is_written_as_before(name):
    written, file = FORMATS[name](filled_table()), GOLDEN / f"{name}.txt"
    if os.environ.get("OBJECTCROP_REGENERATE"):
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_marks_what_a_reader_must_know(name):
    text = FORMATS[name](filled_table())
    for part in ("10% of the images that the paper's run saw", "(stale)", "quoted", "49.8"):
        assert part.replace("%", r"\%" if name == "latex" else "%") in text, part


def test_every_line_of_the_csv_has_every_column():
    rows = list(csv.reader(as_csv(filled_table()).splitlines()))
    assert {len(row) for row in rows} == {1 + 3 + 1 + 1 + 1}
    assert rows[0][-1] == "reduced budget"


def test_columns_of_the_markdown_are_aligned():
    table = [line for line in as_markdown(filled_table()).splitlines() if line.startswith("|")]
    assert len(table) == 7
    assert {tuple(place for place, char in enumerate(line) if char == "|") for line in table[1:]} == {
        tuple(place for place, char in enumerate(table[0]) if char == "|")
    }
