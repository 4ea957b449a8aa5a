"""Progress of long work: one bar of tqdm in a terminal; in pipes and logs a line every few seconds, with rate and time left.

Without tqdm, as on a bare GPU node, a terminal gets the lines.
"""

import os
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """Counts finished units and reports them.

    Args:
        label: what is being done, first on each line.
        total: units in all.
        unit: plural noun of a unit, for example `images`.
        done: units that an earlier attempt finished; they count for the share, not for the rate.
        every_s: seconds between lines.
        stream: where to; standard error by default.
    """

    def __init__(
        self, label: str, *, total: int, unit: str, done: int = 0, every_s: float = 5.0, stream: TextIO | None = None
    ) -> None:
        self.label, self.total, self.unit, self.done, self.every_s = label, total, unit, done, every_s
        self._stream = stream or sys.stderr
        self._start_done = done
        self._wants_bar = _takes_bars(self._stream)
        self._bar: tqdm[Any] | None = None
        self._start = self._last = time.monotonic()

    def __enter__(self) -> "Progress":
        """Start the clock."""
        self._start = self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Print how it ended, unless an exception ended it."""
        if self._bar is not None:
            self._bar.close()
        elif kind is None:
            self._say(f"done in {clock(time.monotonic() - self._start)}")

    @property
    def rate(self) -> float:
        """Units per second since the start, without those of earlier attempts."""
        return (self.done - self._start_done) / max(time.monotonic() - self._start, 1e-9)

    def advance(self, units: int = 1, **values: float) -> None:
        """Count `units` more; move the bar, or every few seconds print a line; both also show `values`."""
        self.done += units
        if (bar := self._own_bar()) is not None:
            bar.set_postfix(values, refresh=False)
            bar.update(units)
            return
        now = time.monotonic()
        if now - self._last >= self.every_s:
            self._last = now
            left = (self.total - self.done) / self.rate if self.rate > 0 else float("inf")
            details = "".join(f"  {name} {value:.4g}" for name, value in values.items())
            self._say(f"{self.rate:.4g} {self.unit}/s  {clock(left)} left{details}")

    def skip(self, units: int) -> None:
        """Count units that an earlier attempt finished; they do not count for the rate."""
        self.done += units
        self._start_done += units
        if self._bar is not None:
            self._bar.initial += units
            self._bar.last_print_n += units
            self._bar.n += units

    def _own_bar(self) -> "tqdm[Any] | None":
        """Return the bar, if there is one; it is made late, as of several processes only those that count something have one."""
        if self._wants_bar:
            self._wants_bar = False
            self._bar = self._new_bar()
        return self._bar

    def _new_bar(self) -> "tqdm[Any] | None":
        """Return a bar that stands where the work stood when it began; None without tqdm."""
        try:
            from tqdm import tqdm
        except ImportError:
            return None
        tqdm.monitor_interval = 0  # its thread would be one more in every process that forks
        name, unit, start = self.label, f" {self.unit}", self._start_done
        bar = tqdm(desc=name, total=self.total, initial=start, unit=unit, file=self._stream, dynamic_ncols=True)
        bar.start_t -= time.monotonic() - self._start
        return bar

    def _say(self, text: str) -> None:
        share = 100 * self.done / self.total if self.total else 100.0
        print(
            f"{self.label}: {self.done}/{self.total} {self.unit} ({share:.0f}%)  {text}", file=self._stream, flush=True
        )


def _takes_bars(stream: TextIO) -> bool:
    if not stream.isatty():
        return False
    with suppress(OSError):
        return all(os.get_terminal_size(stream.fileno()))  # tqdm shows nothing where the size is said to be 0
    return True


def clock(seconds: float) -> str:
    """Return hours, minutes and seconds as h:mm:ss; "?" for infinity."""
    if seconds == float("inf"):
        return "?"
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
