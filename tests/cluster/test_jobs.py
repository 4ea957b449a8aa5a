"""The short form: GPUs, a second attempt and a time limit, on a Slurm that is up for a minute."""

import pytest

from tests.cluster.slurm import AGAIN

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]

WORKFLOW = """
import sys
from objectcrop.runtime.signals import DEAF_SHELL
from objectcrop.study.plan.attempts import growing

shell.prefix(DEAF_SHELL)

rule all:
    input: "gpus", "attempts.done", "steps.done"

rule train:
    output: "gpus"
    resources: gpu=2, mem_mb=300
    shell: "echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES > {output}"

rule flaky:
    output: "attempts.done"
    resources: mem_mb=lambda wildcards, attempt: growing(100, attempt)
    shell: "echo $SLURM_JOB_ID {resources.mem_mb} >> attempts; [ {resources.mem_mb} = 200 ] && touch {output}"

rule long:
    output: "steps.done"
    params: python=sys.executable
    shell: "{params.python} -m tests.cluster.trainer steps 1 | tee -i log && touch {output}"
"""


def test_jobs_get_gpus_more_memory_when_tried_again_and_more_time_when_theirs_is_up(cluster, login):
    (login.folder / "Snakefile").write_text(WORKFLOW)
    process, steps = login.start("--jobs", "5"), login.folder / "steps"
    cluster.wait_for("the long job works", lambda: steps.exists() and steps.read_text(), timeout_s=600)
    cluster.warn(steps.read_text().split()[0])
    printed = login.finish(process)
    node, gpus = (login.folder / "gpus").read_text().split()
    assert node in ("gpu1", "gpu2")
    assert gpus == "0,1"
    attempts = [line.split() for line in (login.folder / "attempts").read_text().splitlines()]
    assert [memory for _, memory in attempts] == ["100", "200"]
    assert len({job for job, _ in attempts}) == 2, "each attempt has an allocation of its own"
    starts = [line.split() for line in steps.read_text().splitlines()]
    assert len({job for job, _ in starts}) == 1, "a job whose time is up stays the same job"
    assert len(starts) == 2
    assert printed.count("Trying to restart job") == 1, "only the failed job counts as tried again"
    by_state = [job["JobState"] for job in cluster.jobs()]
    assert sorted(by_state) == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", AGAIN], by_state
