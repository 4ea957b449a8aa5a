"""The tiny study on the cluster: GPUs counted by stand-ins, pretraining over both GPU nodes, LOD's shards as arrays.

The jobs ask Slurm for GPUs (`gres`) and compute on the CPU: `gpu` would also start CUDA, which stand-ins have not.
"""

import json

import yaml

from tests.cluster.long.test_queue import ARRAYS, lines
from tests.cluster.slurm import AGAIN
from tests.conftest import Workflow

TINY = ("--configfile", "presets/tiny.yaml", "cluster.yaml")
ON_GPUS = ("pretrain", "extract_features", "find_neighbours", "evaluate_linear", "fine_tune")
STUDY = {
    "runs": {
        "scene-scene": {"resources": {"nodes": 2}},
        "obj-dilate": {"resources": {"nodes": 1}},  # which inherits from scene-scene
        "long": {"inherit": "scene-scene", "optimizer": {"epochs": 200}, "resources": {"nodes": 1}},
    }
}
LIMITS = 3


def states_of(folder):
    return [json.loads(line)["step"] for line in lines(folder / "checkpoints/metrics.jsonl")]


def test_the_tiny_study_runs_on_the_cluster(cluster, user):
    (user.folder / "cluster.yaml").write_text(yaml.safe_dump(STUDY))
    wanted = [f"{rule}:gres='gpu:1'" for rule in ON_GPUS]
    user.run(*TINY, *ARRAYS, "extract_features,score_pairs", "--set-resources", *wanted)
    assert (user.folder / "results/report/index.html").is_file()
    jobs = cluster.jobs()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert [job["NodeCnt"] for job in jobs].count("2") == 1, "scene-scene trains over two nodes"
    logs = user.folder / ".snakemake/slurm_logs"
    on_gpus = {job["JobId"] for job in jobs if job["Partition"] == "gpu"}
    assert len(on_gpus) == sum(1 for rule in ON_GPUS for _ in (logs / f"rule_{rule}").rglob("*.log"))
    for rule in ("extract_features", "score_pairs"):
        arrays = [log.stem.split("_") for log in (logs / f"rule_{rule}").rglob("*_*.log")]
        assert sorted(task for _, task in arrays) == ["1", "2"], rule
        assert len({array for array, _ in arrays}) == 1, rule


def test_training_resumes_after_more_time_limits_than_retries(cluster, user):
    (user.folder / "cluster.yaml").write_text(yaml.safe_dump(STUDY))
    Workflow(user.folder).run("results/images/ohms/manifest.parquet", *TINY)  # so that training is the only job
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
