"""What a fine-tuning leaves: its state and the record of its end, in a folder that the identity of its job names."""

from pathlib import Path

from objectcrop.evaluate.states import finished_outputs, forget, report_unused
from objectcrop.identity.finished import Finished

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""


def finished_result(folder: Path, code: str, out: Path) -> Finished:
    """Return the record of a fine-tuning's end; one of other code is moved aside."""
    return finished_outputs(folder, code, {"result.json": out})


def report_unused_states(folder: Path, label: str) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state."""
    report_unused(folder, label, (LAST,))


def forget_state(checkpoints: Path) -> None:
    """Remove the states of a fine-tuning whose result is recorded, those of other weights or settings too; records stay."""
    forget(checkpoints, ("state-*.pth", LAST))
