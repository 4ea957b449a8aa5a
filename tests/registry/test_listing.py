"""Entries as rows: filters, the table, CSV."""

import csv
import io
from pathlib import Path

import pytest

from objectcrop.registry.listing import Condition, as_csv, as_table, list_rows
from tests.registry.small_runs import plan, write_log, write_run

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def _runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(["oac", "oac-two", "scene"], epochs=8)
    write_run(RESULTS, "oac", noise=0.2, epochs=8)
    write_run(RESULTS, "scene", noise=2.0, device=None, epochs=8)
    write_log("oac-two")


def names(*where):
    return [row["run"] for row in list_rows([RESULTS], where)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), ["oac", "oac-two", "scene"]),
        (("run=oac*",), ["oac", "oac-two"]),
        (("run!=oac*",), ["scene"]),
        (("state=evaluated", "linear.map>90"), ["oac"]),
        (("linear.map<90",), ["scene"]),
        (("device=NVIDIA*",), ["oac"]),
        (("seconds_left>1",), ["oac-two"]),
        (("run=nobody",), []),
    ],
)
def test_rows_are_filtered_by_patterns_and_bounds_and_a_row_without_the_value_is_left_out(where, expected):
    assert names(*where) == expected


def test_conditions_that_make_no_sense_are_rejected():
    with pytest.raises(ValueError, match=r"'linear.map>much': expected COLUMN=PATTERN"):
        Condition.parse("linear.map>much")
    with pytest.raises(ValueError, match=r"no column 'stat'; there are folder, run, seed, state"):
        names("stat=evaluated")


def test_the_table_has_a_line_for_each_run_with_the_main_metric_of_its_task():
    head, *lines = (line.split() for line in as_table(list_rows([RESULTS], ())).splitlines())
    assert head[:4] == ["run", "state", "results", "trained"]
    assert "linear.map" in head
    assert "linear.map_batched_32" not in head
    assert [line[:4] for line in lines] == [
        ["oac", "s0", "evaluated", "1/1"],
        ["oac-two", "s0", "stopped", "0/1"],
        ["scene", "s0", "evaluated", "1/1"],
    ]
    assert lines[1][4:8] == ["25%", "20", "100", "0:01:00"]
    assert lines[0][-2:] == ["0.00833", "abc1234"]  # GPU-hours: 15 s of two


def test_other_metrics_stand_in_the_table_if_asked_for_and_folders_if_there_are_several():
    rows = list_rows([RESULTS], ())
    both = [*rows, *(row | {"folder": "kept"} for row in rows)]
    head = as_table(both, ["linear.micro_ap"]).splitlines()[0].split()
    assert head[0] == "folder"
    assert "linear.micro_ap" in head
    assert "linear.map" not in head


def test_csv_has_every_column_of_every_run():
    rows = list(csv.DictReader(io.StringIO(as_csv(list_rows([RESULTS], ())))))
    assert [row["run"] for row in rows] == ["oac", "oac-two", "scene"]
    assert float(rows[0]["linear.map"]) > float(rows[2]["linear.map"])
    assert (rows[0]["gpu_seconds"], rows[1]["linear.map"], rows[1]["missing"]) == ("30.0", "", "linear")
    assert rows[0]["device"] == "NVIDIA H200"
