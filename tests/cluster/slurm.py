"""A throw-away Slurm on loopback: Debian's daemons, one folder, stopped by the process ids that they wrote.

Two nodes have two GPUs each, a third has none. The GPUs are character devices that stand in for /dev/nvidia*: Slurm
counts them and hands them out, nothing computes on them.
"""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import psutil

from tests.chaos.victims import Victim

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo", "sacct")
PACKAGES = "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
NODES = ("cpu1", "gpu1", "gpu2")
GPU_NODES = ("gpu1", "gpu2")
GPUS_PER_NODE = 2
AGAIN = "PENDING"
BOOTS_S = (40, 3)  # above and below SlurmdTimeout

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a job that is queued again starts when its credential has expired; Slurm's own 120 s are long for a test
AuthInfo=socket={home}/run/munge.sock,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool/%n
SlurmctldPidFile={home}/run/slurmctld.pid
SlurmdPidFile={home}/run/slurmd-%n.pid
SlurmctldLogFile={home}/log/slurmctld.log
SlurmdLogFile={home}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={home}/log/jobs.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=2
GresTypes=gpu
MpiDefault=none
SwitchType=switch/none
ReturnToService=1
MinJobAge=300
KillWait=20
SlurmdTimeout=20
SlurmdParameters=config_overrides
"""


def missing() -> str | None:
    """What this machine lacks for a Slurm of its own, and what to do; None if it lacks nothing."""
    if os.geteuid() != 0:
        return "Slurm's daemons and device files need root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    return f"no {', '.join(absent)} on this machine: {PACKAGES}" if absent else None


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


class Cluster:
    """One Slurm; `up` and `down` start and stop it, `environment` is what a user on its login node has."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.completed = home / "log/jobs.txt"

    @property
    def environment(self) -> dict[str, str]:
        """Shims come first on PATH: the plugin drops SLURM_CONF on a node, so each command must name the file itself."""
        return os.environ | {"PATH": f"{self.home}/bin:{os.environ['PATH']}:/usr/sbin:/sbin"}

    def up(self) -> None:
        """Start munged, slurmctld and a slurmd for each node; all answer when this returns."""
        for folder in ("bin", "dev", "log", "run", "state", *(f"spool/{node}" for node in NODES)):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        self._write_shims()
        self._write_settings()
        self._start_munge()
        self._daemon("slurmctld", "-c")
        ping = [self.home / "bin/scontrol", "ping"]
        self.wait_for(
            "slurmctld answers", lambda: subprocess.run(ping, capture_output=True, check=False).returncode == 0
        )
        for node in NODES:
            self.start_node(node)
        self.wait_for("all nodes idle", lambda: set(self.states().values()) == {"idle"})

    def down(self) -> None:
        """Cancel what runs, then stop the daemons by their process ids."""
        subprocess.run([self.home / "bin/scancel", "--quiet", "--me"], check=False, timeout=30)
        queue, deadline = [self.home / "bin/squeue", "--noheader"], time.monotonic() + 60
        while subprocess.run(queue, capture_output=True, check=False).stdout and time.monotonic() < deadline:
            time.sleep(0.2)  # whose daemon stopped first would leave processes of its jobs behind
        for name in [*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"]:
            self._stop(name)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._daemon("slurmd", "-N", node)

    def take_down(self, node: str) -> None:
        """Take a node from service at once, with the jobs on it, and stop its daemon."""
        self.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        self.wait_for(f"no job on {node}", lambda: node not in self.call("squeue", "--noheader", "--format=%N"))
        self._stop(f"slurmd-{node}")

    def bring_back(self, node: str) -> None:
        """Start the daemon of a node again and put the node in service."""
        self.start_node(node)
        self.call("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def daemons(self, folder: Path) -> Iterator[Victim]:
        """Yield the daemons of the nodes, whatever folder a study is in."""
        for node in NODES:
            if (pid := self._pid_of(node)) is not None:
                yield Victim("slurmd", pid, node)

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Start a node's daemon again when it was killed, for the length of the block, as a node does that boots.

        In turn soon, so that Slurm notices nothing, and after Slurm has given the node up and queued its jobs again.
        """
        ended, delays_s = threading.Event(), cycle(BOOTS_S)

        def keep_up() -> None:
            while not ended.wait(0.5):
                for node in NODES:
                    if self._pid_of(node) is None:
                        ended.wait(next(delays_s))
                        self.start_node(node)

        thread = threading.Thread(target=keep_up, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _pid_of(self, node: str) -> int | None:
        """Process id of a node's daemon; None if it does not live."""
        file = self.home / f"run/slurmd-{node}.pid"
        pid = int(file.read_text() or 0) if file.exists() else 0
        return pid if pid and psutil.pid_exists(pid) else None

    def warn(self, job: str) -> None:
        """Let a job's time limit come near and warn it at once, as Slurm itself does within half a minute.

        The job's steps get SIGTERM (`--signal=TERM@...`), and the job runs on.
        """
        self.call("scontrol", "update", f"JobId={job}", "TimeLimit=10")
        self.call("scancel", "--signal=TERM", job)

    def states(self) -> dict[str, str]:
        """State of every node by name."""
        lines = self.call("sinfo", "--noheader", "--Node", "--format=%N %t").split("\n")
        return dict(line.split() for line in lines if line)

    def jobs(self) -> list[dict[str, str]]:
        """Slurm's record of every start of a job that ended, in order; of one that was queued again the state is AGAIN."""
        lines = self.completed.read_text().splitlines() if self.completed.exists() else []
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def call(self, program: str, *arguments: str) -> str:
        """Output of one of Slurm's programs."""
        command = [str(self.home / "bin" / program), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def wait_for(self, what, holds, timeout_s: float = 60) -> None:
        """Wait until `holds()`; an error names what did not come, with the end of the logs."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{log}:\n{log.read_text()[-2000:]}" for log in sorted(self.home.glob("log/*.log")))
                raise TimeoutError(f"{what}: not within {timeout_s:g} s\n{logs}")
            time.sleep(0.2)

    def _write_shims(self) -> None:
        for program in PROGRAMS:
            real = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
            shim = self.home / "bin" / program
            shim.write_text(f'#!/bin/sh\nSLURM_CONF={self.home}/slurm.conf exec {real} "$@"\n')
            shim.chmod(0o755)

    def _write_settings(self) -> None:
        host, ports = socket.gethostname().split(".")[0], free_ports(1 + len(NODES))
        lines = [CONF.format(host=host, port=ports[0], home=self.home)]
        for node, port in zip(NODES, ports[1:], strict=True):
            gpus = f" Gres=gpu:{GPUS_PER_NODE}" if node in GPU_NODES else ""
            place = f"NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
            lines.append(f"NodeName={node} {place} CPUs=2 RealMemory=32000{gpus} State=UNKNOWN\n")
        lines.append("PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=UNLIMITED State=UP\n")
        lines.append(f"PartitionName=gpu Nodes={','.join(GPU_NODES)} MaxTime=UNLIMITED State=UP\n")
        (self.home / "slurm.conf").write_text("".join(lines))
        gres = [f"NodeName={node} Name=gpu File={device}\n" for node in GPU_NODES for device in self._devices(node)]
        (self.home / "gres.conf").write_text("".join(gres))

    def _devices(self, node: str) -> list[Path]:
        """Make the devices that stand in for a node's GPUs: Slurm hands out none that is not a character device."""
        devices = [self.home / f"dev/{node}-{number}" for number in range(GPUS_PER_NODE)]
        for device in devices:
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        return devices

    def _start_munge(self) -> None:
        key, run = self.home / "munge.key", self.home / "run"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        files = {"key": key, "pid": run / "munged.pid", "log": self.home / "log/munged.log", "seed": run / "munge.seed"}
        options = [f"--{name}-file={path}" for name, path in files.items()]
        self.call("munged", "--force", f"--socket={run / 'munge.sock'}", *options)

    def _daemon(self, program: str, *arguments: str) -> None:
        command = [str(self.home / "bin" / program), *arguments]
        # a daemon that inherits a pipe would keep whoever reads it waiting
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def _stop(self, name: str) -> None:
        """End the process that a pid file names, politely and then by force."""
        file = self.home / f"run/{name}.pid"
        if not file.exists():
            return
        pid = int(file.read_text())
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(50):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    file.unlink(missing_ok=True)
                    return
                time.sleep(0.1)
        raise RuntimeError(f"{name} (process {pid}) does not end")
