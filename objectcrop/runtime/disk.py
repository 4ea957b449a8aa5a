"""What a disk that takes or gives no more means, in one sentence: which file, how much is free, what to do."""

import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file would be too large",
}
_WRITING = {**_FULL, errno.EROFS: "the disk is read-only"}
"""Errors that only writing leads to."""
_REASONS = _WRITING | {
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.EIO: "the disk does not read or write",
    errno.ESTALE: "the network file system no longer has it",
}
_FREE_SPACE = "free some space or raise the limit, and run the same command again: what is saved is not made again"
_CORRECT = "correct the permissions or the disk, or choose another folder, and run the same command again"


class WriteError(OSError):
    """A file that the disk does not take; the message says all that a user needs."""


@contextmanager
def writing(path: str | Path, aside: Path | None = None) -> Iterator[None]:
    """Let errors of the disk in the block become a WriteError that names `path`, which the block writes.

    Args:
        path: of the file or folder.
        aside: where its content goes first, if that is another path.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        # files that the block reads have errors of their own
        is_other = error.filename not in (None, str(path), str(aside))
        if error.errno not in _REASONS or (is_other and error.errno not in _WRITING):
            raise
        named = WriteError(_describe(error, Path(path)))
        named.errno = error.errno
        raise named from error


def explain_disk(error: OSError) -> str | None:
    """Return one sentence about an error of the disk, None about another error.

    Where a library names no file, the free space of each disk that the command line names is given, the fullest first.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, WriteError):
            return str(cause)
        cause = cause.__context__  # a file that is closed on the way out can fail again, without its name
    if error.errno not in _REASONS:
        return None
    if (name := error.filename2 or error.filename) is not None:
        return _describe(error, Path(os.fsdecode(name)))
    free = ", ".join(map(_space, _disks(word for word in sys.argv[1:] if word[:1] not in ("-", "{"))))
    return f"{_REASONS[error.errno]}, at a file that is not known ({free}); {_remedy(error)}"


def _describe(error: OSError, path: Path) -> str:
    space = f" ({_space(path)})" if error.errno in _FULL else ""
    return f"{path}: {_REASONS[error.errno or 0]}{space}; {_remedy(error)}"


def _remedy(error: OSError) -> str:
    return _FREE_SPACE if error.errno in _FULL else _CORRECT


def _disks(words: Iterable[str]) -> list[Path]:
    """Return a folder on each disk of paths, of this folder and of temporary files; that with the least space first."""
    folders = [_folder(Path(path)) for path in (*words, ".", tempfile.gettempdir())]
    on_disks = {folder.stat().st_dev: folder for folder in reversed(folders)}
    return sorted(on_disks.values(), key=lambda folder: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize)


def _folder(path: Path) -> Path:
    """Return the nearest folder of a path that exists; a word that is no path is taken for one of this folder."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if os.path.isdir(folder))


def _space(path: Path) -> str:
    """Say what is free on the disk of a path, which need not exist."""
    place = _folder(path)
    disk = os.statvfs(place)
    free, total = (blocks * disk.f_frsize / 1e6 for blocks in (disk.f_bavail, disk.f_blocks))
    no_files = f", and none of {disk.f_files} files" if disk.f_files and not disk.f_favail else ""
    return f"{free:.1f} MB of {total:.1f} are free{no_files} on the disk of {place}"
