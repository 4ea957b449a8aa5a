"""One trainer for one run folder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[int] = set()


def _let_go() -> None:
    """In a child: the workers of a killed trainer live on for a moment, and must not hold what it held."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def run_lock(path: str | Path) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block; the kernel gives it back when the process dies.

    The file says who holds it, as `host pid`. It is not removed: another process may be waiting to read it.

    Raises:
        ValueError: naming host and process, if another process holds it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ValueError(
                f"{target}: another process trains in this folder (host and process id: {holder}); wait for it or stop it"
            ) from None
        file.truncate(0)
        file.write(f"{socket.gethostname()} {os.getpid()}\n")
        file.flush()
        _held.add(file.fileno())
        try:
            yield
        finally:
            _held.discard(file.fileno())
