"""Whether a job works in a folder now, without asking for its lock: that could make a job fail that starts meanwhile."""

import socket
import time
from pathlib import Path

TABLE = Path("/proc/locks")
"""The kernel's list of held locks, by process and file."""
SILENCE_S = 900
"""A job on another machine counts as running until what it writes is older than this."""


def is_worked_in(lock: Path, *traces: Path) -> bool:
    """Return whether the process that a lock file names holds it.

    Of another machine's process nobody here knows; there the age of its traces decides.

    Args:
        lock: as `run_lock` writes it, `host pid`; need not be there.
        traces: files that the job writes to; need not be there.
    """
    if not lock.is_file():
        return False
    host, _, process = lock.read_text(encoding="utf-8").strip().partition(" ")
    if host == socket.gethostname() and TABLE.is_file():
        return _is_held(lock, process)
    times = [path.stat().st_mtime for path in (lock, *traces) if path.is_file()]
    return time.time() - max(times) < SILENCE_S


def _is_held(lock: Path, process: str) -> bool:
    inode = str(lock.stat().st_ino)  # the device is another one where folders are layered, as in containers
    lines = (line.split() for line in TABLE.read_text(encoding="ascii").splitlines())
    # "1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF"; one who waits for it has an arrow before FLOCK
    return any(line[1] == "FLOCK" and line[4] == process and line[5].split(":")[-1] == inode for line in lines)
