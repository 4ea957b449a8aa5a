"""What a reader makes of a file: content, one error that names the file, or a fault."""

import resource
import shutil
import signal
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.fuzz.mutation import mutated
from tests.fuzz.readers import Reader

SECONDS = 10
READ, REJECTED = "read", "rejected"


class HangError(BaseException):
    """A reader took longer than SECONDS; nothing may catch it."""


@contextmanager
def limited_time() -> Iterator[None]:
    """Raise HangError after SECONDS."""

    def end(number: int, frame: object) -> None:
        raise HangError(f"longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limit_memory(extra_bytes: int) -> None:
    """Let this process take no more than this much beyond what it has: beyond, MemoryError, which is a fault."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + extra_bytes, resource.RLIM_INFINITY))


def outcome(reader: Reader, data: bytes, folder: Path) -> str:
    """Return READ, REJECTED, or in words what is wrong with how a reader took a file; `folder` is empty before and after."""
    path = folder / f"input{reader.suffix}"
    path.write_bytes(data)
    try:
        with limited_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            reader.read(path)
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
        return REJECTED if path.name in message and len(message) < 3000 else f"not named, or long: {message[:300]!r}"
    except (Exception, HangError) as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    return READ


def fuzz(reader: Reader, count: int, folder: Path, *, seed: int) -> tuple[Counter[str], dict[str, bytes]]:
    """Read changed files; return how often what came out, and of each fault the first file."""
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    faults: dict[str, bytes] = {}
    for _ in range(count):
        data = mutated(reader.files[int(rng.integers(len(reader.files)))], rng)
        result = outcome(reader, data, folder)
        counts[result] += 1
        if result not in (READ, REJECTED):
            faults.setdefault(result, data)
    return counts, faults
