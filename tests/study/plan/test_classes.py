"""Which tables have an analysis of classes, and of what."""

from pathlib import Path

import pytest
import yaml

from objectcrop.report.class_analysis import values_of_rows
from objectcrop.study.jobs.report import ClassJob
from objectcrop.study.loading import load_study
from objectcrop.study.merging import overlay
from objectcrop.study.plan.classes import ClassPlan
from objectcrop.study.plan.lineage import LineagePlan

RUNS = ("random-init", "supervised", "scene-scene", "random-boxes", "obj-dilate", "oac")
OVERLAY = {
    "seeds": [3, 4],
    "tables": {"linear-demo": {"class_figure": "linear"}, "detection-demo": {"title": "no classes"}},
}


@pytest.fixture
def study(root: Path):
    return load_study(overlay(yaml.safe_load((root / "config.yaml").read_text()), OVERLAY))


def test_an_analysis_reads_each_row_and_seed_and_the_scores_of_the_last_row(study):
    plan = ClassPlan(study)
    assert plan.tables() == ["linear-demo"]
    results = plan.results("linear-demo")
    assert len(results) == 12
    assert results[0] == "results/eval/random-init/s3/linear.json"
    assert plan.scores("linear-demo") == "results/eval/oac/s3/linear.scores.npz"
    assert plan.manifest("linear-demo") == "results/images/ohms/manifest.parquet"
    job = plan.job("linear-demo")
    assert list(job.runs.values()) == list(RUNS)
    assert set(job.tasks.values()) == {"linear"}


def test_the_rows_keep_their_order_on_the_way_to_the_script_so_that_the_last_one_is_that_of_the_scores(study):
    """The JSON of a job has sorted keys."""
    job = ClassJob.parse(ClassPlan(study).job("linear-demo").as_json())
    results = [
        {"run": run, "task": "linear", "seed": seed, "per_class": {run: 1.0}}
        for run in job.runs.values()
        for seed in (3, 4)
    ]
    values = values_of_rows(job, results)
    assert [seeds[0] for seeds in values.values()] == [{run: 1.0} for run in RUNS]
    assert list(values)[-1].startswith("OAC")


def test_its_files_belong_to_its_table_and_to_the_lineage(study):
    files = ClassPlan(study).of_table("linear-demo")
    assert files == [f"results/classes/linear-demo{suffix}" for suffix in (".json", "", ".png")]
    assert ClassPlan(study).of_table("detection-demo") == []
    assert {LineagePlan(study).files()[file][0] for file in files} == {"analyse_classes"}
