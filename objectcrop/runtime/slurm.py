"""Slurm, from inside one of its jobs: another turn where the time is up, and processes on all nodes of the job."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

TORCHRUN = (sys.executable, "-m", "torch.distributed.run")

NEAR = timedelta(minutes=15)
"""Slurm warns of a time limit within this time before it; an earlier SIGTERM comes from somebody else."""


def requeue_at_limit() -> None:
    """Queue the job that this process is in again, if its time limit is near; elsewhere do nothing.

    For work that saved its state after a SIGTERM. Slurm sends it before the limit, if the job asked for that
    (`--signal=TERM@120`), and the job runs on. A job that was cancelled, or whose node fails, is not running any more.
    Snakemake keeps waiting for a job that is queued again: no failure, so that `retries` do not count it.
    """
    job = _own_job()
    if job is None or os.environ.get("RANK", "0") != "0":
        return
    if shutil.which("squeue") is None:
        print(f"job {job} is not queued again: squeue and scontrol are not on PATH here", file=sys.stderr, flush=True)
        return
    state, end = _ask("squeue", "--noheader", f"--jobs={job}", "--format=%T %e").split()
    if state == "RUNNING" and end != "N/A" and datetime.fromisoformat(end) - datetime.now() < NEAR:
        print(f"the time limit of job {job} is near: queued again, to resume", file=sys.stderr, flush=True)
        _ask("scontrol", "requeue", job)


class Nodes(NamedTuple):
    """The nodes of a job, and what runs on each of them."""

    number: int
    processes: int
    cpus: int

    def command(self, module: str, arguments: Sequence[str]) -> list[str]:
        """Return the command that runs `python -m module arguments` on all nodes of this job, under a torchrun on each.

        The torchruns meet at a port of the job's first node, which this is.

        Raises:
            ValueError: outside of a Slurm job.
        """
        job = _own_job()
        if job is None:
            raise ValueError(
                f"resources.nodes: {self.number} nodes are asked for outside of a Slurm job; set it to 1, or run with "
                "--workflow-profile profiles/slurm (docs/cluster.md)"
            )
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        once_a_node = [f"--nodes={self.number}", f"--ntasks={self.number}", "--ntasks-per-node=1"]
        # one node may stop a moment before another has saved
        patience = ["--kill-on-bad-exit=0", "--wait=60"]
        step = ["srun", *once_a_node, f"--cpus-per-task={self.cpus}", *patience]
        torchrun = [*TORCHRUN, f"--nnodes={self.number}", f"--nproc-per-node={self.processes}"]
        meeting = [f"--rdzv-id={job}", "--rdzv-backend=c10d", f"--rdzv-endpoint={socket.gethostname()}:{port}"]
        return [*step, *torchrun, *meeting, "-m", module, *arguments]


def _own_job() -> str | None:
    """Return the job that this process is in; of an array the task, as one of them has the array's own number as SLURM_JOB_ID."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}_ID") for name in ("JOB", "TASK"))
    return os.environ.get("SLURM_JOB_ID") if array is None or task is None else f"{array}_{task}"


def _ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
