"""The tables of two studies beside each other: what is matched, and by how much it differs."""

import pytest
from scipy.stats import ttest_ind

from objectcrop.report.page.comparison import between, compare_studies, read_study
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.study.jobs.report import ReportJob
from tests.report.page.small_report import LABELS, TABLE, made, report_job
from tests.report.tables.test_contrasts import cell

FIRST = {"objects": (40.0, 41.0), "scene": (30.0, 31.0)}


def write_study(folder, monkeypatch, values, size_px=96, rows=("scene", "objects"), **changes):
    """Write a study's results into a working folder; the folder of results."""
    (folder / "results").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for run in rows:
        for seed in range(len(values[run])):
            file = folder / f"results/eval/{run}/s{seed}/linear.json"
            write_json(file, {"metrics": {"map": values[run][seed]}})
            settings = {"run": {"views": {"size_px": size_px}}, "task": {"epochs": 30}}
            made("evaluate_linear", [file.relative_to(folder)], settings=settings, seed=seed)
    spec = TABLE | {"rows": [{"label": LABELS[run], "run": run} for run in rows]}
    cells = {run: cell(run, *values[run], interval=[values[run][0] - 1, values[run][0] + 1]) for run in rows}
    judged = [
        {"label": LABELS[run], "run": run, "cells": [cells[run] | {"deviation": None}] * 2, "gpu_hours": None}
        for run in rows
    ]
    write_json(folder / "results/tables/small.json", {"title": spec["title"], "rows": judged})
    job = report_job(seeds=tuple(range(len(values["scene"]))), tables={"small": spec}, **changes)
    page = folder / "results/report/index.html"
    page.parent.mkdir()
    page.write_text("page")
    made("write_report", [page.relative_to(folder)], settings=job.values())
    return folder / "results"


@pytest.fixture
def studies(tmp_path, monkeypatch):
    first = write_study(tmp_path / "a", monkeypatch, FIRST)
    second = write_study(tmp_path / "b", monkeypatch, {"objects": (50.0, 51.5), "scene": (30.0, 31.5)}, size_px=64)
    return first, second


def test_tables_stand_side_by_side_with_the_difference_of_each_cell(studies):
    pair = compare_studies(*map(read_study, studies))
    (table,) = pair.tables
    assert table.columns == ("mAP", "mAP of classes of small objects")
    rows = dict(table.rows)
    gain = rows[LABELS["objects"]][0].difference
    assert gain.value == pytest.approx(10.25)
    assert gain.verdict == "above"
    assert rows[LABELS["scene"]][0].difference.verdict == "unclear"
    assert len(pair.differences) == 4


def test_over_seeds_trainings_of_two_studies_are_not_paired():
    first, second = [30.0, 31.0, 33.0], [35.0, 34.0, 36.5]
    one = between(cell("a", *first), cell("a", *second))
    expected = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    assert one.of_seeds == pytest.approx((expected.low, expected.high))
    assert one.of_images is None
    assert between(cell("a", 1.0), cell("a", 2.0)).verdict == "unknown"
    assert between(cell("a"), cell("a", 2.0)) is None
    assert between(cell("a", 1.0, 1.0), cell("a", 2.0, 2.0)).of_seeds == (1.0, 1.0)


def test_a_folder_without_a_report_is_rejected_with_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"expected a folder of results with report/index.html and its record"):
        read_study(tmp_path)


def test_a_report_of_another_version_is_rejected_with_what_to_do(studies, monkeypatch):
    monkeypatch.chdir(studies[0].parent)
    made("write_report", ["results/report/index.html"], settings={"study": {}})
    with pytest.raises(ValueError, match=r"written by another version of this software .*again"):
        read_study(studies[0])


def test_a_study_is_read_back_as_it_was_described(studies):
    study = read_study(studies[0])
    assert isinstance(study.job, ReportJob)
    assert study.tables["small"] == read_json(studies[0] / "tables/small.json")
    assert study.answer.headline.startswith("Yes, here: +10.0")
