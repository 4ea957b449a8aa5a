"""Lock files: one holder at a time, reported by name; the kernel takes a lock from a process that dies."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ATTEMPTS, _PAUSE_S = 4, 0.02

_held: set[int] = set()


def _let_go() -> None:
    """In a child: the workers of a killed trainer live on for a moment, and must not hold what it held."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


class HeldError(ValueError):
    """A lock that another process holds.

    Attributes:
        holder: what the lock file says.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path}: another process holds this lock ({holder or 'unknown'})")
        self.holder = holder


class Lock:
    """A lock file that this process holds until `release`, until nobody has this object any more, or until it ends.

    Args:
        path: of the file, whose folder is made if it is missing. It says who holds it.
        holder: these words.

    Raises:
        HeldError: if another process holds it.
    """

    def __init__(self, path: str | Path, holder: str) -> None:
        self._path, self._descriptor = Path(path), -1
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = _locked(self._path)
        _held.add(self._descriptor)
        self.rewrite(holder)

    def rewrite(self, holder: str) -> None:
        """Let the file say something else, if this process holds it."""
        if self._descriptor in _held:
            os.truncate(self._descriptor, 0)
            os.write(self._descriptor, holder.encode())

    def release(self, *, remove: bool = False) -> None:
        """Give it back.

        Args:
            remove: the file too; whoever waits to lock it looks for a new one.
        """
        if remove:
            self._path.unlink(missing_ok=True)
        if self._descriptor in _held:  # not in a child, which has let it go
            _held.discard(self._descriptor)
            os.close(self._descriptor)
        self._descriptor = -1

    def __del__(self) -> None:
        self.release()


def holder_of(path: str | Path) -> str | None:
    """Return what a lock file says of the process that holds it; None if none does, or there is no such file."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip()
    except FileNotFoundError:
        pass
    return None


def _locked(path: Path) -> int:
    """Return the descriptor of the file, locked; whoever asks for its holder has it for some microseconds."""
    for attempt in range(_ATTEMPTS):
        time.sleep(_PAUSE_S * attempt)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
            os.close(descriptor)  # of a file that its holder has removed in between
    raise HeldError(path, path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else "")


@contextmanager
def run_lock(path: str | Path) -> Iterator[None]:
    """Hold the lock file `path` of a trainer for the length of the block.

    The file says who holds it, as `host pid`. It is not removed: another process may be waiting to read it.

    Raises:
        ValueError: naming host and process, if another process holds it.
    """
    try:
        lock = Lock(path, f"{socket.gethostname()} {os.getpid()}\n")
    except HeldError as error:
        raise ValueError(
            f"{path}: another process trains in this folder (host and process id: {error.holder or 'unknown'}); wait for it or "
            "stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()
