"""A cap on what a block of code may allocate, for files that cannot be trusted."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAGES = Path("/proc/self/statm")


@contextmanager
def memory_limit(extra_bytes: int) -> Iterator[None]:
    """Let the block take at most `extra_bytes` more of address space than the process has now; beyond, `MemoryError`.

    It holds for the whole process, its other threads too. Where the system does not say how much the process has (it is no
    Linux), and where a lower limit is already in force, nothing is changed.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    if not _PAGES.is_file():
        yield
        return
    wanted = int(_PAGES.read_text().split()[0]) * resource.getpagesize() + extra_bytes
    if any(limit != resource.RLIM_INFINITY and limit <= wanted for limit in before):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
