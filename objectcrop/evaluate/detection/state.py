"""What a fine-tuning leaves: its state and the record of its end, in a folder that the identity of its job names."""

import sys
from pathlib import Path
from typing import Any

from objectcrop.evaluate.states import finished_outputs, forget, report_unused
from objectcrop.identity.finished import Finished
from objectcrop.runtime.atomic import write_text

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""


def finished_result(folder: Path, code: str, out: Path, sheet: Path) -> Finished:
    """Return the record of a fine-tuning's end; one of other code is moved aside."""
    return finished_outputs(folder, code, {"result.json": out, "predictions.png": sheet})


def report_unused_states(folder: Path, label: str) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state."""
    report_unused(folder, label, (LAST,))


def conclude(finished: Finished, checkpoints: Path) -> None:
    """Record what was written, and remove the states that led to it."""
    finished.keep()
    forget_state(checkpoints)


def forget_state(checkpoints: Path) -> None:
    """Remove the states of a fine-tuning whose result is recorded, those of other weights or settings too; records stay."""
    forget(checkpoints, ("state-*.pth", LAST))


def keep_detector(folder: Path, model: Any, cfg: Any) -> None:
    """Write a detector's weights and its config, as Detectron2's checkpointer and config node read them."""
    from objectcrop.runtime.torch_files import write_torch

    write_torch(folder / "detector.pth", {"model": {name: value.cpu() for name, value in model.state_dict().items()}})
    write_text(folder / "detector.yaml", cfg.dump())
    print(f"the detector is kept: {folder / 'detector.pth'} and detector.yaml", file=sys.stderr, flush=True)
