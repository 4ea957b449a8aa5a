"""Where the states of interrupted fine-tunings are stored: a folder for each combination of settings and weights."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.settings.section import settings_hash

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""


def state_folder(checkpoints: Path, settings: Mapping[str, Any], weights: Path) -> Path:
    """Return the folder whose state belongs to these settings and to the bytes of this file of weights.

    Args:
        checkpoints: folder of all states of a run and a task.
        settings: everything else that the training depends on, as JSON values.
        weights: file of export_backbone.
    """
    return checkpoints / settings_hash({"settings": settings, "weights_sha256": file_sha256(weights)})


def report_unused_states(folder: Path, label: str) -> None:
    """Say on stderr that states beside `folder` are not used, if there are some and `folder` has none.

    Args:
        folder: what `state_folder` returned.
        label: names the fine-tuning.
    """
    others = [file for file in folder.parent.glob(f"*/{LAST}") if file.parent != folder]
    if not others or (folder / LAST).exists():
        return
    states = "1 saved state of other weights or settings is"
    if len(others) > 1:
        states = f"{len(others)} saved states of other weights or settings are"
    print(f"{label}: {states} not used: training starts from scratch ({folder.parent})", file=sys.stderr, flush=True)


def forget_state(checkpoints: Path) -> None:
    """Remove the states of a fine-tuning whose result is written, those of other weights or settings too."""
    for name in ("state-*.pth", LAST):
        for file in checkpoints.glob(f"*/{name}"):
            file.unlink()
