"""Lines about a whole run, from the lines that Snakemake prints."""

import json

import pytest

from objectcrop.runtime.overall_progress import Forecast, OverallProgress, read_forecast

STATS = [
    "Job stats:",
    "job        count",
    "-------  -------",
    "pretrain       2",
    "report         1",
    "all            1",
]
TOTAL = "total          4"
FORECAST = Forecast({"pretrain": 40.0, "report": 20.0}, concurrency=2.0, slowness=3.0)


@pytest.fixture
def progress():
    clock = iter([0.0, 0.0, 100.0, 130.0, 140.0, 150.0])
    return OverallProgress(FORECAST, now=lambda: next(clock))


def read(progress, *lines):
    return [text for line in lines if (text := progress.read(line + "\n")) is not None]


def test_the_number_of_jobs_and_a_forecast_stand_in_place_of_the_table(progress):
    # (2 x 40 + 20) seconds of jobs, two at a time, on a machine three times as slow
    assert read(progress, *STATS, TOTAL) == ["overall: 3 jobs, about 0:02:30 on this machine"]


def test_a_finished_job_gives_one_line_and_the_rate_of_this_run_counts(progress):
    read(progress, *STATS, TOTAL)
    printed = read(progress, "Select jobs to execute...", "Execute 1 jobs...", "[Sat Nov 28 23:05:51 2026]")
    assert printed == ["[Sat Nov 28 23:05:51 2026]"]
    # 40% of the work took 100 s
    assert read(progress, "Finished jobid: 7 (Rule: pretrain)", "1 of 4 steps (25%) done") == [
        "overall: 1 of 3 jobs done, the last one pretrain; 0:01:40 so far, about 0:02:30 left"
    ]
    assert read(progress, "Finished jobid: 8 (Rule: pretrain)", "2 of 4 steps (50%) done") == [
        "overall: 2 of 3 jobs done, the last one pretrain; 0:02:10 so far, about 0:00:32 left"
    ]
    assert read(progress, "Finished jobid: 3 (Rule: report)", "3 of 4 steps (75%) done") == [
        "overall: 3 of 3 jobs done, the last one report; 0:02:20 so far, about 0:00:00 left"
    ]
    assert read(progress, "Finished jobid: 0 (Rule: all)", "4 of 4 steps (100%) done") == [
        "overall: 3 of 3 jobs done, the last one all; 0:02:30 so far, about 0:00:00 left"
    ]


def test_everything_else_is_shown_as_it_is(progress):
    lines = ["Building DAG of jobs...", "Error in rule pretrain:", "    jobid: 4"]
    assert read(progress, *lines) == lines
    read(progress, *STATS, TOTAL)
    assert read(progress, *lines) == lines


def test_rules_without_a_record_take_no_time():
    assert FORECAST.seconds({"unknown": 5}) == 0


def test_a_forecast_is_read_from_the_benchmarks_record(tmp_path):
    rows = {
        "job pretrain": 40,
        "jobs pretrain": 2,
        "job report": 20,
        "jobs report": 1,
        "whole run": 50,
        "calibration": 0.1,
    }
    value = {"rows": [{"name": name, "value": value, "unit": "s"} for name, value in rows.items()]}
    (tmp_path / "r.json").write_text(json.dumps(value))
    forecast = read_forecast(tmp_path / "r.json", 0.3)
    assert forecast.concurrency == 2.0
    assert forecast.slowness == pytest.approx(3.0)
    assert forecast.seconds({"pretrain": 2, "report": 1}) == pytest.approx(150.0)
