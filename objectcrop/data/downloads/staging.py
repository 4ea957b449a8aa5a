"""Where files grow until they are whole: a folder of one process inside the folder that they go to.

Locks are files that are open for writing, as NFS locks nothing else; the kernel gives them back when a process dies.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = ".fetching-"
_LOCK = "lock"


@dataclass(frozen=True)
class StagingFolder:
    """A place for this process alone.

    Attributes:
        folder: to write to; files are renamed from it into the folder around it.
        there: of the wanted names, those that are in the folder around it.
    """

    folder: Path
    there: frozenset[str]


@contextmanager
def staging(folder: Path, wanted_names: Set[str]) -> Iterator[StagingFolder]:
    """Make a place inside `folder`, and list which of the files `wanted_names` are there: one scan, however many there are.

    What processes that were killed have left is removed first: their places are those that nobody holds the lock of. So
    several jobs, also of several checkouts, can fill one folder at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = _list_present(folder, wanted_names)
    place, handle = _new_place(folder)
    try:
        yield StagingFolder(place, there)
    finally:
        _remove(place, handle)


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block, after waiting for whoever holds it; then it is removed."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_still(path, handle):
            break
        os.close(handle)  # whoever held it has removed it meanwhile
    try:
        yield
    finally:
        path.unlink()
        os.close(handle)


def _new_place(folder: Path) -> tuple[Path, int]:
    while True:
        place = folder / f"{_PREFIX}{secrets.token_hex(8)}"
        place.mkdir()
        # another process may take the place for abandoned until it is locked: then there is a next one
        with suppress(FileNotFoundError):
            handle = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_still(place / _LOCK, handle):
                return place, handle
            os.close(handle)


def _list_present(folder: Path, wanted_names: Set[str]) -> frozenset[str]:
    there, places = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in wanted_names:
                there.append(entry.name)
            elif entry.name.startswith(_PREFIX):
                places.append(folder / entry.name)
    for place in places:
        _remove_if_abandoned(place)
    return frozenset(there)


def _remove_if_abandoned(place: Path) -> None:
    try:
        handle = os.open(place / _LOCK, os.O_RDWR)
    except FileNotFoundError:  # its process died between two steps, or is just making or removing it
        _remove_if_empty(place)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # in use
        os.close(handle)
    else:
        _remove(place, handle)


def _remove(place: Path, handle: int) -> None:
    """Remove a place whose lock is held; the lock goes last, so that a kill in between leaves one that is abandoned."""
    with suppress(FileNotFoundError):  # another process removes it, too
        for path in sorted(place.iterdir(), key=lambda path: path.name == _LOCK):
            path.unlink()
    os.close(handle)  # before the folder goes, in which NFS keeps files that are open
    _remove_if_empty(place)


def _remove_if_empty(place: Path) -> None:
    with suppress(OSError):  # gone, or no longer empty: then it is somebody else's
        place.rmdir()


def _is_still(path: Path, handle: int) -> bool:
    """Return whether a path still leads to the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
