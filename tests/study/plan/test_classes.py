"""Which tables have an analysis of classes, and of what."""

from pathlib import Path

import pytest
import yaml

from objectcrop.study.loading import load_study
from objectcrop.study.merging import overlay
from objectcrop.study.plan.classes import ClassPlan
from objectcrop.study.plan.lineage import LineagePlan

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
    assert len(results) == 10
    assert results[0] == "results/eval/random-init/s3/linear.json"
    assert plan.scores("linear-demo") == "results/eval/oac/s3/linear.scores.npz"
    assert plan.manifest("linear-demo") == "results/images/ohms/manifest.parquet"
    job = plan.job("linear-demo")
    assert list(job.runs.values()) == ["random-init", "supervised", "scene-scene", "obj-dilate", "oac"]
    assert set(job.tasks.values()) == {"linear"}


def test_its_files_belong_to_its_table_and_to_the_lineage(study):
    files = ClassPlan(study).of_table("linear-demo")
    assert files == [f"results/classes/linear-demo{suffix}" for suffix in (".json", "", ".png")]
    assert ClassPlan(study).of_table("detection-demo") == []
    assert {LineagePlan(study).files()[file][0] for file in files} == {"analyse_classes"}
