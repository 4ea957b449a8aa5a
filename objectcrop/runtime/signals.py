"""Turn SIGTERM and SIGINT into a request that long work answers when it is ready: save, then exit."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)
DEAF_SHELL = "trap '' TERM; "
"""Begins a shell command that must outlive a SIGTERM to all its processes: script and `tee` need the time to save and to log.

Slurm sends one before a time limit. The shell would die of it, and Slurm kills what its parent leaves behind.
"""


class Stopped(SystemExit):
    """A signal ended long work after its state was saved; the exit code states which."""

    @property
    def is_by_sigterm(self) -> bool:
        """Whether it was SIGTERM."""
        return self.code == 128 + signal.SIGTERM


class StopRequest:
    """Whether, and by which signal, this process was asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """Exit code of a process that a signal ended, as shells report it: 128 and the signal's number.

        A process that was asked by another one, and got no signal, ends as by SIGTERM.
        """
        return 128 + (self.signal or signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note SIGTERM and SIGINT for the length of the block instead of dying of them; repeated ones change nothing.

    A terminal's Ctrl-C reaches every process of the group, and Snakemake, torchrun and Slurm send their own on top, so a
    second signal must not interrupt the saving that the first one asked for. Only the main thread may call this.
    """
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request.signal is None:
            request.signal = number

    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hear_sigterm() -> None:
    """Die of SIGTERM, until something else is asked for, also where a deaf shell started this process."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM raise KeyboardInterrupt, as SIGINT does: for work that may end anywhere, but tidies up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def ignore_stop_signals() -> None:
    """Leave SIGTERM and SIGINT to the parent: for worker processes that end when it does."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
