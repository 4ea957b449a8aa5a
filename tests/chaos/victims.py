"""Which processes of a study can be killed: each kind has a function that finds those that live."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

TRAINERS = frozenset({"pretrain", "fine_tune", "segment", "evaluate_linear"})


class Victim(NamedTuple):
    """A process: its kind, its id, and the rule that it works for."""

    kind: str
    pid: int
    rule: str


Finder = Callable[[Path], Iterator[Victim]]
"""Given the folder of a study, yields its processes of one kind. `Chaos` takes more of them, as of a cluster's daemon."""


def _processes(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Yield the Python processes that were started as `-m module` in a folder, with the module."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if len(words) < 3 or words[1] != "-m":
            continue
        try:
            if Path(process.cwd()) == folder:
                yield process, words[2]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def find_jobs(folder: Path) -> Iterator[Victim]:
    """Yield the scripts that work: trainers, and others."""
    for process, module in _processes(folder):
        room, _, rule = module.partition(".")
        if room == "workflow_scripts":
            yield Victim("trainer" if rule in TRAINERS else "script", process.pid, rule)


def find_workers(folder: Path) -> Iterator[Victim]:
    """Yield the processes that scripts have started: those that load images, or share the work."""
    for job in find_jobs(folder):
        try:
            for child in psutil.Process(job.pid).children(recursive=True):
                if "resource_tracker" not in " ".join(child.cmdline()):  # of multiprocessing, which starts another
                    yield Victim("worker", child.pid, job.rule)
        except psutil.NoSuchProcess:
            continue
