"""A disk of its own for a study, which can be filled."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class MountError(RuntimeError):
    """This user may not mount a file system."""


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory on a folder for the length of the block.

    Raises:
        MountError: if that is not allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"]
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MountError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, *, free_bytes: int) -> Iterator[None]:
    """Fill the disk of a folder up to a few bytes for the length of the block."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb") as file:
            block = bytes(1 << 16)
            try:
                while True:
                    file.write(block)
                    file.flush()
            except OSError:
                pass
        with ballast.open("rb+") as file:
            file.truncate(max(0, ballast.stat().st_size - free_bytes))
        yield
    finally:
        ballast.unlink(missing_ok=True)
