"""Where files grow until they are whole: a folder of one process inside the folder that they go to."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_PREFIX = ".fetching-"


@contextmanager
def folder_lock(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder; whether it was got. It is advisory, leaves no file, and ends with the process.

    Args:
        folder: which must be there.
        wait: for as long as another process holds it; otherwise give up at once.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Landing:
    """A place for this process alone.

    Attributes:
        folder: to write to; files are renamed from it into the folder around it.
        there: of the names that were looked for, those that lie in the folder around it.
    """

    folder: Path
    there: frozenset[str]


@contextmanager
def landing(folder: Path, look_for: Set[str]) -> Iterator[Landing]:
    """Make a place inside `folder`, and see which of the files `look_for` are there: one scan, however many there are.

    What processes that were killed have left is removed first: their places are those that nobody holds the lock of. So
    several jobs, also of several checkouts, can fill one folder at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / f"{_PREFIX}{secrets.token_hex(8)}"
    with ExitStack() as held:
        # places are made and removed under the lock of the outer folder, so that none is taken for abandoned too early
        with folder_lock(folder):
            there = _look_around(folder, look_for)
            mine.mkdir()
            held.enter_context(folder_lock(mine))
        try:
            yield Landing(mine, there)
        finally:
            with folder_lock(folder):
                shutil.rmtree(mine)


def _look_around(folder: Path, look_for: Set[str]) -> frozenset[str]:
    there, places = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in look_for:
                there.append(entry.name)
            elif entry.name.startswith(_PREFIX):
                places.append(folder / entry.name)
    for place in places:
        with folder_lock(place, wait=False) as is_abandoned:
            if is_abandoned:
                shutil.rmtree(place)
    return frozenset(there)
