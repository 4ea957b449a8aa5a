"""What a probe keeps on its way: the state of its layers, and features, so that one that was killed resumes where it was."""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from objectcrop.runtime.distributed import World
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.runtime.torch_files import DamagedStateError, read_whole, write_torch
from objectcrop.ssl.training.checkpoints import STATES as LAYERS
from objectcrop.ssl.training.checkpoints import load_state, remove_leftovers, save_state

LAYOUT = 1
"""Which parts a state has, and their form. Raise it with them, and when training computes something else: the folder of a state
is named by it."""
FEATURES = "features-*.pt"
FILES = (LAYERS, FEATURES)
KEPT = 2
ALONE = World(0, 1, torch.device("cpu"))


class States:
    """The states of one probe; without a folder nothing is kept.

    Args:
        folder: of the job's identity and `LAYOUT`; only one job may use it at a time.
        every_s: seconds between saves.
        stop: whether the probe is asked to end.
        world: the processes of the job; all read the states, and the first one writes them.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        every_s: float = math.inf,
        stop: StopRequest | None = None,
        world: World = ALONE,
    ) -> None:
        self._folder, self._every_s = folder, every_s
        self._stop = StopRequest() if stop is None else stop  # one that nobody made yet is false
        self._start = self._last = time.monotonic()
        self._earlier_s = 0.0
        self._precisions: dict[str, None] = {}
        self.world, self._must_end = world, False
        if folder is not None and world.is_first:
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            for path in folder.glob(f".{FEATURES}"):
                path.unlink()
        world.wait()

    def compute_in(self, precision: str) -> None:
        """Note what the trunk computes in, in this attempt."""
        self._precisions[precision] = None

    @property
    def precision(self) -> str:
        """What the trunk computed in; several, joined by +, if attempts ran on unlike devices."""
        return "+".join(self._precisions)

    @property
    def seconds(self) -> float:
        """Wall-clock time of this attempt, and of the earlier ones up to what they saved."""
        return self._earlier_s + time.monotonic() - self._start

    def is_due(self) -> bool:
        """Return whether the state is to be saved now: the same in all processes, which ask at the same places."""
        is_due = time.monotonic() - self._last >= self._every_s
        self._must_end, is_due = self.world.any_of_each(bool(self._stop), is_due)
        return self._must_end or is_due

    def load_layers(self, device: torch.device) -> dict[str, Any] | None:
        """Return the state that `save_layers` saved last, None if it saved none.

        Raises:
            ValueError: if there are states and none can be read.
        """
        if self._folder is None or (state := load_state(self._folder, self._folder.name, device)) is None:
            return None
        self._note(state)
        return state

    def save_layers(self, state: Mapping[str, Any], *, step: int) -> None:
        """Save the state of a step.

        Raises:
            Stopped: after saving, if a stop was asked for.
        """
        if self._folder is not None and self.world.is_first:
            named = {**state, "settings_hash": self._folder.name, **self._of_attempts()}
            save_state(self._folder, named, step=step, kept=KEPT)
        self._saved()

    def load_features(self, name: str, device: torch.device) -> list[Tensor]:
        """Return the features of the first images that `save_features` saved, shapes (n, num_features).

        Parts from the first damaged one on are reported on standard error and left out.
        """
        parts: list[Tensor] = []
        for path in self._parts(name):
            try:
                part = read_whole(path, device)
            except DamagedStateError as error:
                print(f"warning: {error}; the features are computed again from there", file=sys.stderr, flush=True)
                break
            if part["start"] != sum(map(len, parts)):
                break
            self._note(part)
            parts.append(part["features"])
        return parts

    def save_features(self, name: str, start: int, features: Tensor) -> None:
        """Save the features of the images from `start` on, shape (n, num_features).

        Raises:
            Stopped: after saving, if a stop was asked for.
        """
        if self._folder is not None and self.world.is_first and len(features):
            path = self._folder / FEATURES.replace("*", f"{name}-{start:010d}")
            write_torch(path, {"start": start, "features": features.cpu(), **self._of_attempts()})
        self._saved()

    def _parts(self, name: str) -> list[Path]:
        return [] if self._folder is None else sorted(self._folder.glob(FEATURES.replace("*", f"{name}-*")))

    def _of_attempts(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "precisions": list(self._precisions)}

    def _note(self, saved: Mapping[str, Any]) -> None:
        self._earlier_s = max(self._earlier_s, saved["seconds"])
        new = [precision for precision in saved["precisions"] if precision not in self._precisions]
        if new and self._precisions:
            print(
                f"warning: linear: an earlier attempt computed in {'+'.join(new)}, this one resumes in {self.precision}; set the "
                "task's precision to keep one",
                file=sys.stderr,
                flush=True,
            )
        self._precisions |= dict.fromkeys(new)

    def _saved(self) -> None:
        self._last = time.monotonic()
        if self._must_end:
            if self.world.is_first:
                print("linear: stopped, its state is saved; start it again to resume", file=sys.stderr, flush=True)
            raise Stopped(self._stop.exit_code)
