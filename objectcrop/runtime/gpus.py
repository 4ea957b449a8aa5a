"""Who uses which GPU of this machine, where no scheduler hands them out."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL_S = 0.2


def count_gpus() -> int | None:
    """Return how many GPUs a process started here would see; None where PyTorch cannot say, as it is not installed here.

    Another process asks, as one that has looked keeps what it saw, and planning must not import PyTorch.
    """
    command = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else None


@contextmanager
def lease(count: int, devices: Sequence[int], folder: Path | None = None) -> Iterator[list[int]]:
    """Hold `count` of `devices` for the length of the block; wait until `count` are free at once.

    All or nothing, so that two half leases cannot block each other. The kernel gives the devices back when the process
    dies. Advisory: only processes that ask here are kept apart.

    Raises:
        ValueError: if more are asked for than there are.
    """
    if count > len(devices):
        raise ValueError(
            f"{count} GPU(s) asked for, this machine has {len(devices)}; lower resources.gpus of this run or task"
        )
    room = folder or Path(tempfile.gettempdir()) / f"objectcrop-gpus-{os.getuid()}"
    room.mkdir(mode=0o700, exist_ok=True)
    while (held := _take(count, devices, room)) is None:
        time.sleep(POLL_S)
    try:
        yield list(held)
    finally:
        for file in held.values():
            file.close()


def _take(count: int, devices: Sequence[int], room: Path) -> dict[int, IO[str]] | None:
    held: dict[int, IO[str]] = {}
    for device in devices:
        if len(held) == count:
            break
        file: IO[str] = (room / str(device)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            held[device] = file
    if len(held) == count:
        return held
    for file in held.values():
        file.close()
    return None
