"""A user on the login node: starts Snakemake with the profile of the project, looks at the queue, presses Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster.slurm import Cluster

PATIENCE_S = 1500


class Login:
    """Snakemake runs in `folder`, with profiles/slurm of the checkout `root`."""

    def __init__(self, cluster: Cluster, root: Path, folder: Path) -> None:
        self.cluster, self.root, self.folder = cluster, root, folder
        self.log = folder / "snakemake.log"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake; what it prints goes to `log`. Only what a test cluster needs differs from the profile."""
        profile = self.root / "profiles/slurm"
        partitions = ["--slurm-partition-config", str(profile / "partitions.yaml")]
        # no accounting here, so squeue; looked at every few seconds, where a cluster waits 40
        status = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"]
        command = [sys.executable, "-m", "snakemake", *arguments, "--workflow-profile", str(profile)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *partitions, *status],
                cwd=self.folder,
                env=self.cluster.environment | {"PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run Snakemake to its end, which must be good; what it printed."""
        return self.finish(self.start(*arguments))

    def finish(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for Snakemake, which must end well; what it printed."""
        code = process.wait(PATIENCE_S)
        printed = self.log.read_text()
        assert code == 0, f"{printed[-8000:]}\n{self._job_logs()}"
        return printed

    def interrupt(self, process: subprocess.Popen[bytes]) -> int:
        """Press Ctrl-C; Snakemake's exit code."""
        os.killpg(process.pid, signal.SIGINT)
        return process.wait(PATIENCE_S)

    def interrupt_all(self) -> None:
        """Press Ctrl-C wherever a failed test left Snakemake running."""
        for process in self._started:
            if process.poll() is None:
                self.interrupt(process)

    def _job_logs(self) -> str:
        logs = sorted((self.folder / ".snakemake/slurm_logs").rglob("*.log"))
        return "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in logs)
