"""The tiny study on the cluster: GPUs counted by stand-ins, pretraining over both GPU nodes, LOD's shards as arrays."""

import json

import pytest

from tests.cluster.long.conftest import LONGEST_S, ON_GPUS, TINY
from tests.cluster.long.test_queue import lines
from tests.cluster.slurm import AGAIN

pytestmark = pytest.mark.timeout(LONGEST_S)
LIMITS = 3


def states_of(folder):
    return [json.loads(line)["step"] for line in lines(folder / "checkpoints/metrics.jsonl")]


def test_the_tiny_study_runs_on_the_cluster(studied):
    folder, jobs = studied.user.folder, studied.jobs
    assert (folder / "results/report/index.html").is_file()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert [job["NodeCnt"] for job in jobs].count("2") == 1, "scene-scene trains over two nodes"
    logs = folder / ".snakemake/slurm_logs"
    on_gpus = {job["JobId"] for job in jobs if job["Partition"] == "gpu"}
    assert len(on_gpus) == sum(1 for rule in ON_GPUS for _ in (logs / f"rule_{rule}").rglob("*.log"))
    for rule in ("extract_features", "score_pairs"):
        arrays = [log.stem.split("_") for log in (logs / f"rule_{rule}").rglob("*_*.log")]
        assert sorted(task for _, task in arrays) == ["1", "2"], rule
        assert len({array for array, _ in arrays}) == 1, rule


def test_training_resumes_after_more_time_limits_than_retries(cluster, studied):
    """Of a run that no table has, so that nothing else is to be done."""
    user = studied.user
    folder = user.folder / "results/pretrain/long/s0"
    process = user.start("results/pretrain/long/s0/summary.json", *TINY, "--jobs", "1")
    ends, before = [], len(cluster.jobs())
    for number in range(LIMITS):
        cluster.wait_for("training advances", lambda: states_of(folder)[-1:] > ends[-1:], timeout_s=1200)
        (job,) = cluster.call("squeue", "--noheader", "--states=RUNNING", "--format=%A").split()
        cluster.warn(job)
        wait_for_starts(cluster, before + number + 1)
        ends.append(states_of(folder)[-1])
    assert "Trying to restart" not in user.finish(process)
    steps = states_of(folder)
    assert steps == sorted(set(steps)), "a step was trained twice"
    assert ends == sorted(set(ends))
    assert steps[-1] > ends[-1]
    assert json.loads((folder / "summary.json").read_text())["run"] == "long"


def wait_for_starts(cluster, count):
    """Wait until so many starts of jobs have ended; the last of them was queued again."""
    cluster.wait_for("the job ends or is queued again", lambda: len(cluster.jobs()) >= count, timeout_s=600)
    assert cluster.jobs()[-1]["JobState"] == AGAIN
