"""Jobs that were started and have not finished: those that live keep others from their files, what others lost is made again.

A job has a lock file from its start until its outputs have their records: Snakemake can die while its jobs live on. And Snakemake
removes the outputs of a job that it starts: where what comes after them is there, nothing else shows that they are to be made.
"""

import errno
import hashlib
import json
import os
import socket
import sys
import weakref
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.lock import HeldError, Lock, holder_of
from objectcrop.runtime.shortages import REMEDY

FOLDER = "running"
"""Of the lock files, beside the lineage of the study."""
_ASKED = "asked.txt"
_WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


class Job(NamedTuple):
    """A job that was started.

    Attributes:
        rule: its name.
        outputs: files that it writes.
        host: machine that it runs on.
        pid: process that runs it.
        has_ended: whether Python has ended, with an error or by Ctrl-C, and so has said why; one that is killed has no time to.
    """

    rule: str
    outputs: list[str]
    host: str
    pid: int
    has_ended: bool = False

    def describe(self) -> str:
        """Return one sentence on a job that lives, and what to do."""
        here = "" if self.host == socket.gethostname() else f" on {self.host}"
        return (
            f"{self.outputs[0]} is being written by {self.rule} (process {self.pid}{here}), which another Snakemake or a command "
            f"of its own has started: wait until it ends, or stop it (kill {self.pid}{here}), and run the same command again"
        )


class Started:
    """A job of this process; `end` says that it has finished. Whoever lets go of it before says that it has not."""

    def __init__(self, lock: Lock | None, job: Job) -> None:
        self._lock = lock
        # at the end of Python too, but not of a process that is killed
        self._finalizer = weakref.finalize(self, _note_end, lock, job)

    def end(self) -> None:
        """Remove the lock file: nothing is left to do."""
        if self._finalizer.detach() is not None and self._lock is not None:
            self._lock.release(remove=True)


def _note_end(lock: Lock | None, job: Job) -> None:
    if lock is not None:
        lock.rewrite(_words(job._replace(has_ended=True)))
        lock.release()


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
        return Started(Lock(worker if is_worker else launcher, _words(job)), job)
    except HeldError as error:
        raise ValueError((_parsed(error.holder) or _unknown(launcher)).describe()) from None
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        print(
            f"warning: {folder}: this file system has no locks; see that no job runs twice", file=sys.stderr, flush=True
        )
        return Started(None, job)


def living(folder: Path) -> list[Job]:
    """Return the jobs that live, by any Snakemake or command."""
    return [job for path in sorted(folder.glob("*.json")) if (job := _holder(path)) is not None]


def note_asked(folder: Path, files: Collection[str]) -> None:
    """Note which files a run is about to make again: Snakemake removes each when its job starts.

    Args:
        folder: of the lock files.
        files: those that are not there are left out, as whoever needs them asks for them. Former notes stay as long as their files
            are not made.
    """
    asked = left_undone(folder) | {file for file in files if Path(file).exists()}
    write_text(folder / _ASKED, "".join(f"{file}\n" for file in sorted(asked)))


def left_undone(folder: Path) -> set[str]:
    """Return the files that a run was about to make again and that are gone: their jobs died, failed or were interrupted."""
    try:
        asked = (folder / _ASKED).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return set()
    return {file for file in asked if file and not Path(file).exists()}


def killed(folder: Path, files: Collection[str]) -> list[Job]:
    """Return the jobs that were to make some of these files and were killed: they could not say why."""
    jobs = [_parsed(path.read_text(encoding="utf-8", errors="replace")) for path in sorted(folder.glob("*.json"))]
    ended = [job for job in jobs if job is not None and not job.has_ended and not set(job.outputs).isdisjoint(files)]
    alive = {job.pid for job in living(folder)}
    return [job for job in ended if job.pid not in alive]


def advise(job: Job) -> str:
    """Return one sentence on a job that was killed, and what to do."""
    return (
        f"{job.outputs[0]}: {job.rule} (process {job.pid}) was killed before it could say why. If nobody did that, memory was "
        f"short: {REMEDY}"
    )


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


def _words(job: Job) -> str:
    return json.dumps(job._asdict())


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
