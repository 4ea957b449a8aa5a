"""Start torchrun where work has several processes; one process needs no launcher."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from objectcrop.runtime.gpus import lease
from objectcrop.runtime.slurm import TORCHRUN, Nodes


def launch(module: str, argv: Sequence[str] | None, num_processes: int, here: Callable[[], None]) -> None:
    """Call `here`; for several processes call `module` under torchrun instead, once per process.

    Args:
        module: the script.
        argv: its arguments; None are those of this process.
        num_processes: how many; 0 counts as one.
        here: the work of one process.

    Raises:
        SystemExit: with torchrun's exit code, if it failed.
    """
    if not needs_torchrun(num_processes):
        here()
    elif code := run_under_torchrun(module, sys.argv[1:] if argv is None else argv, num_processes):
        sys.exit(code)


def launch_on_gpus(module: str, argv: Sequence[str] | None, num_gpus: int, here: Callable[[], None]) -> None:
    """Take GPUs, then do as `launch` with one process per GPU."""
    with visible_gpus(num_gpus):
        launch(module, argv, num_gpus, here)


def launch_on_nodes(module: str, argv: Sequence[str] | None, nodes: Nodes, here: Callable[[], None]) -> None:
    """Do as `launch` on all nodes of a Slurm job; the GPUs are those that Slurm shows each node.

    Raises:
        ValueError: outside of a Slurm job.
        SystemExit: with srun's exit code, if it failed.
    """
    if is_under_torchrun():
        here()
    elif code := _run(nodes.command(module, sys.argv[1:] if argv is None else argv)):
        sys.exit(code)


def is_under_torchrun() -> bool:
    """Return whether torchrun, or something like it, started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ or "RANK" in os.environ


def needs_torchrun(num_processes: int) -> bool:
    """Return whether several processes are wanted and torchrun has not started this one already."""
    return num_processes > 1 and not is_under_torchrun()


def run_under_torchrun(module: str, arguments: Sequence[str], num_processes: int) -> int:
    """Run `python -m module arguments` in several processes of this machine; the exit code.

    The launcher costs 3 s of one core (6 s and more of wall clock on two busy ones) beside the trainer's own start, which is
    why a single process goes without. SIGTERM and SIGINT are passed to torchrun, which hands them to the trainers and waits 30 s.
    """
    return _run([*TORCHRUN, "--standalone", f"--nproc-per-node={num_processes}", "-m", module, *arguments])


@contextmanager
def visible_gpus(num_gpus: int) -> Iterator[None]:
    """Take GPUs of this machine for the length of the block and show this process only these.

    Where a scheduler or the user has set CUDA_VISIBLE_DEVICES already, its word counts.
    """
    if not num_gpus or "CUDA_VISIBLE_DEVICES" in os.environ:
        yield
        return
    import torch

    with lease(num_gpus, range(torch.cuda.device_count())) as devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(str(device) for device in devices)
        try:
            yield
        finally:
            del os.environ["CUDA_VISIBLE_DEVICES"]


def _run(command: Sequence[str]) -> int:
    """Run a command; SIGTERM and SIGINT are passed on to it. Its exit code."""
    process = subprocess.Popen(command)
    before = {
        number: signal.signal(number, lambda received, frame: process.send_signal(received))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
