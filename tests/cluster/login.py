"""A user on the login node: starts Snakemake with the profile of the project, looks at the queue, presses Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster.slurm import Cluster
from tests.conftest import Workflow

PATIENCE_S = 3600


class ClusterWorkflow(Workflow):
    """Snakemake in a folder, with profiles/slurm of the checkout `root`; only what a test cluster needs differs from it."""

    def __init__(self, cluster: Cluster, root: Path, folder: Path) -> None:
        super().__init__(folder)
        self._cluster, self._root = cluster, root

    def command(self, *arguments: str) -> list[str]:
        profile = self._root / "profiles/slurm"
        partitions = ["--slurm-partition-config", str(profile / "partitions.yaml")]
        # no accounting here, so squeue; asked every few seconds, where a cluster waits 40
        status = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"]
        command = [sys.executable, "-m", "snakemake", "--workflow-profile", str(profile), *partitions, *status]
        return [*command, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return self._cluster.environment | {"PYTHONPATH": str(self._root), "OMP_NUM_THREADS": "1"}


class Login:
    """Snakemake runs in `folder`, with profiles/slurm of the checkout `root`."""

    def __init__(self, cluster: Cluster, root: Path, folder: Path) -> None:
        self.cluster, self.root, self.folder = cluster, root, folder
        self.log = folder / "snakemake.log"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake; what it prints goes to `log`."""
        workflow = ClusterWorkflow(self.cluster, self.root, self.folder)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                workflow.command(*arguments),
                cwd=self.folder,
                env=workflow.environment,
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
