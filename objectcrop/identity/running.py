"""Jobs that were started and have not finished: those that live keep others from their files, those that died are made again.

A job has a lock file from its start until its outputs have their records. Snakemake can die while its jobs live on; and it
removes the outputs of a job that it starts, so that of one that dies nothing is left to show that it was to be made again.
"""

import errno
import hashlib
import json
import os
import socket
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.lock import HeldError, Lock, holder_of

FOLDER = "running"
"""Of the lock files, beside the lineage of the study."""
_WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


class Job(NamedTuple):
    """A job that was started: its rule, the files that it writes, and who runs it, on which machine."""

    rule: str
    outputs: list[str]
    host: str
    pid: int

    def describe(self) -> str:
        """Return one sentence on a job that lives, and what to do."""
        here = "" if self.host == socket.gethostname() else f" on {self.host}"
        return (
            f"{self.outputs[0]} is being written by {self.rule} (process {self.pid}{here}), which another Snakemake or a command "
            f"of its own has started: wait until it ends, or stop it (kill {self.pid}{here}), and run the same command again"
        )


class Started:
    """A job of this process; `end` says that it has finished."""

    def __init__(self, lock: Lock | None) -> None:
        self._lock = lock

    def end(self) -> None:
        """Remove the lock file: nothing is left to do."""
        if self._lock is not None:
            self._lock.release(remove=True)
            self._lock = None


def start(folder: Path, rule: str, outputs: Sequence[Path]) -> Started:
    """Note that this process makes files, until `end` or until it dies.

    Under torchrun, which outlives a launcher that is killed, the first worker has a lock file of its own.

    Args:
        folder: of the lock files.
        rule: of the job.
        outputs: files.

    Raises:
        ValueError: naming the process, if another one makes them.
    """
    names = [path.as_posix() for path in outputs]
    job = Job(rule, names, socket.gethostname(), os.getpid())
    name = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    launcher, worker = (folder / f"{name}{suffix}" for suffix in (".json", ".worker.json"))
    is_worker = "TORCHELASTIC_RUN_ID" in os.environ
    if not is_worker and (other := _holder(worker)) is not None:
        raise ValueError(other.describe())
    try:
        return Started(Lock(worker if is_worker else launcher, json.dumps(job._asdict())))
    except HeldError as error:
        raise ValueError((_parsed(error.holder) or _unknown(launcher)).describe()) from None
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        print(
            f"warning: {folder}: this file system has no locks; see that no job runs twice", file=sys.stderr, flush=True
        )
        return Started(None)


def living(folder: Path) -> list[Job]:
    """Return the jobs that live, by any Snakemake or command."""
    return [job for path in sorted(folder.glob("*.json")) if (job := _holder(path)) is not None]


def left_undone(folder: Path) -> set[str]:
    """Return the files that are not there because the jobs that were to make them died, failed or were interrupted."""
    undone = set()
    for path in folder.glob("*.json"):
        with suppress(FileNotFoundError):  # it has just ended
            if (job := _parsed(path.read_text(encoding="utf-8", errors="replace"))) is not None:
                undone |= {file for file in job.outputs if not Path(file).exists()}
    return undone


def require_no_other(folder: Path, files: Collection[str]) -> None:
    """Check that nobody else writes files that are about to be made.

    Raises:
        ValueError: naming each file with its process.
    """
    others = [job for job in living(folder) if not set(job.outputs).isdisjoint(files)]
    if others:
        raise ValueError("\n".join(job.describe() for job in others))


def _holder(path: Path) -> Job | None:
    words = holder_of(path)
    return None if words is None else _parsed(words) or _unknown(path)


def _parsed(words: str) -> Job | None:
    """Return the job that a lock file names; None if it names none, as one that is damaged."""
    try:
        value = json.loads(words)
        job = Job(**value)
    except (ValueError, TypeError, RecursionError):
        return None
    is_whole = isinstance(job.outputs, list) and job.outputs and all(isinstance(file, str) for file in job.outputs)
    return job if is_whole else None


def _unknown(path: Path) -> Job:
    return Job("a job", [f"what {path} stands for"], "a machine that is not known", 0)
