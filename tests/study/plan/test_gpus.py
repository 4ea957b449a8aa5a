"""GPUs that a machine does not have are asked for before the first job, by the setting's name."""

import pytest

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.plan.planned import PlannedJob

TRAINED = PlannedJob("pretrain", {"run": "labels", "seed": "0"})
JUDGED = PlannedJob("fine_tune", {"run": "labels", "task": "boxes", "seed": "0"})
SEARCHED = PlannedJob("extract_features", {"dataset": "ohms", "source": "degree", "shard": "0"})


@pytest.fixture
def gpus(config):
    config["proposals"]["lod"]["gpus"] = 1
    config["tasks"]["boxes"]["resources"]["gpus"] = 4
    return load_plan(config).gpus


def test_a_task_is_named_by_its_own_setting(gpus):
    with pytest.raises(StudyError) as caught:
        gpus.require([TRAINED, JUDGED, SEARCHED], lambda: 2, None)
    assert str(caught.value).splitlines()[1:] == [
        "  - tasks.boxes.resources.gpus: 4 GPU(s) are asked for, this machine has 2; set it to 2, or run where there are more "
        "(docs/cluster.md)"
    ]


def test_each_kind_of_job_is_counted(gpus):
    with pytest.raises(StudyError) as caught:
        gpus.require([TRAINED, JUDGED, SEARCHED], lambda: 0, None)
    named = [line.split(":")[0].removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]
    assert named == ["runs.labels.resources.gpus", "tasks.boxes.resources.gpus", "proposals.lod.gpus"]


def test_what_snakemake_may_use_counts_too(gpus):
    with pytest.raises(StudyError, match=r"4 GPU\(s\) are asked for, --resources allows 3"):
        gpus.require([TRAINED, JUDGED], lambda: 8, 3)


def test_enough_gpus_and_an_unknown_number_are_no_problem(gpus):
    jobs = [TRAINED, JUDGED, SEARCHED]
    enough = max(number for _, number in gpus.asked(jobs))
    gpus.require(jobs, lambda: enough, enough)
    gpus.require(jobs, lambda: None, None)
    with pytest.raises(StudyError):
        gpus.require(jobs, lambda: enough - 1, None)


def test_jobs_that_ask_for_none_count_nothing(gpus, config):
    counted = []

    def count():
        counted.append("takes seconds")
        return 0

    gpus.require([PlannedJob("pretrain", {"run": "random-init", "seed": "0"})], count, 0)
    assert counted == []
