"""The state of a fine-tuning on disk: two files that alternate, read only if every byte is as it was written."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from detectron2.utils import comm

from objectcrop.evaluate.detection.state import LAST
from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.torch_files import DamagedStateError, read_whole, write_torch

_NAMES = ("state-0.pth", "state-1.pth")


class TrainingState:
    """The two files of one fine-tuning; the first process writes them, all read them.

    Args:
        folder: of the files.
        parts: what has a state: model, optimizer and scheduler, by name.
    """

    def __init__(self, folder: Path, parts: Mapping[str, Any]) -> None:
        self._folder, self._parts = folder, parts
        self._next = 0
        self.last_save = time.monotonic()

    def resume(self) -> int:
        """Load the newest state that is whole and return how many iterations are done; 0 if there is none.

        A damaged state is reported on standard error. It is the next one to be overwritten.

        Raises:
            ValueError: naming the file, if it is the state of another detector.
        """
        paths = self._newest_first()
        for path in paths:
            try:
                state = read_whole(path, torch.device("cpu"))
            except DamagedStateError as error:
                _warn(f"{error}; using the one before" if path != paths[-1] else f"{error}; training from scratch")
                continue
            self._next = 1 - _NAMES.index(path.name)
            return self._load(state, path)
        return 0

    def save(self, iteration: int) -> None:
        """Write the state after an iteration."""
        if comm.is_main_process():
            state = {name: part.state_dict() for name, part in self._parts.items()}
            write_torch(self._folder / _NAMES[self._next], state | {"iteration": iteration})
            write_text(self._folder / LAST, _NAMES[self._next])
        self._next = 1 - self._next
        self.last_save = time.monotonic()

    def _newest_first(self) -> list[Path]:
        last = self._folder / LAST
        newest = last.read_bytes() if last.is_file() else b""
        names = sorted(_NAMES, key=lambda name: name.encode() != newest.strip())
        return [self._folder / name for name in names if (self._folder / name).is_file()]

    def _load(self, state: Mapping[str, Any], path: Path) -> int:
        try:
            for name, part in self._parts.items():
                part.load_state_dict(state[name])
            return int(state["iteration"]) + 1
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{path}: is not a state of this detector ({why}); remove it to train from scratch"
            ) from error


def _warn(text: str) -> None:
    if comm.is_main_process():
        print(f"warning: {text}", file=sys.stderr, flush=True)
