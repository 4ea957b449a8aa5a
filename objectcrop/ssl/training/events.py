"""The same metrics for TensorBoard, in a folder beside the states."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectcrop.ssl.training.checkpoints import EVENTS

NOT_DRAWN = ("step", "seconds")


class Events:
    """TensorBoard's event files; only the metrics file is written where the package tensorboard is not installed.

    Args:
        folder: of the states; None writes nothing (other processes than the first).
        step: that training resumes from: what an earlier attempt wrote after it is hidden.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        if find_spec("tensorboard") is None:
            print("tensorboard is not installed: metrics go to metrics.jsonl alone", file=sys.stderr, flush=True)
            return
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / EVENTS), purge_step=step + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """Write a line of the metrics."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name not in NOT_DRAWN:
                self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
