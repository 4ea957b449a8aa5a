"""The pages of docs/results are what the command makes of benchmarks/results."""

import json
import sys

import pytest


@pytest.fixture(scope="module")
def write_results(root):
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        import write_results
    finally:
        sys.path.remove(str(root / "benchmarks"))
    return write_results


def test_the_pages_on_disk_are_the_generated_ones(root, write_results):
    written = {path.stem: path.read_text() for path in (root / "docs/results").glob("*.md")}
    assert written == write_results.pages(), "run `python benchmarks/write_results.py`"


def test_every_file_of_results_says_where_it_is_from(root):
    files = sorted((root / "benchmarks/results").glob("*.json"))
    assert len(files) > 10
    for path in files:
        result = json.loads(path.read_text())
        assert {"command", "machine"} <= set(result), path.name
        assert ("versions" in result) or ({"date", "recorded"} <= set(result)), path.name


def test_a_table_that_was_recorded_has_a_cell_for_each_column(root):
    for path in (root / "benchmarks/results").glob("*.json"):
        for table in json.loads(path.read_text()).get("tables", []):
            assert {len(row) for row in table["rows"]} == {len(table["columns"])}, (path.name, table["title"])


def test_numbers_keep_their_digits(write_results):
    number = write_results.layouts.number
    assert [number(value) for value in (None, 0, 5.0, 1432, 25318, 0.0798, 39.8342, 503917688.2)] == [
        "",
        "0",
        "5",
        "1,432",
        "25,318",
        "0.0798",
        "39.83",
        "5.039e+08",
    ]


def test_values_are_laid_out_by_the_ends_of_their_names(write_results):
    rows = [{"name": f"{job}, {size}", "value": value, "unit": "MB"} for job, size, value in MEASURED]
    assert write_results.layouts.pivot({"rows": rows}, ["10", "40"]) == [["rank, two", "1", "2"], ["join", "3", ""]]


MEASURED = [("rank, two", 10, 1), ("rank, two", 40, 2), ("join", 10, 3)]
