"""Where states and records of fine-tunings are stored: a folder for each combination of settings, weights, annotations."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectcrop.runtime.checksum import file_sha256
from objectcrop.runtime.finished import FOLDER, RECORD, Finished, Origin
from objectcrop.study.settings.section import settings_hash

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""
MAX_NAMED = 3


def state_folder(checkpoints: Path, settings: Mapping[str, Any], weights: Path, annotations_sha256: str) -> Path:
    """Return the folder whose state belongs to these settings and to the bytes of these files.

    Args:
        checkpoints: folder of all states of a run and a task.
        settings: everything else that the training depends on, as JSON values.
        weights: file of export_backbone.
        annotations_sha256: digest of the annotation files that the fine-tuning reads.
    """
    files = {"weights_sha256": file_sha256(weights), "annotations_sha256": annotations_sha256}
    return checkpoints / settings_hash({"settings": settings, **files})


def finished_result(folder: Path, code: str, out: Path) -> Finished:
    """Return the record of a fine-tuning's end; one of other code is moved aside.

    Args:
        folder: what `state_folder` returned.
        code: digest of the code.
        out: result to write.
    """
    finished = Finished(folder, Origin(folder.name, code), {"result.json": out})
    finished.set_aside()
    return finished


def report_unused_states(folder: Path, label: str) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state.

    Args:
        folder: what `state_folder` returned.
        label: names the fine-tuning.
    """
    states = {file.parent.name for file in folder.parent.glob(f"*/{LAST}")}
    results = {file.parents[1].name for file in folder.parent.glob(f"*/{FOLDER}/{RECORD}")}
    if not (others := sorted((states | results) - {folder.name})) or (folder / LAST).exists():
        return
    print(
        f"{label}: starts from scratch; of other weights, annotations, settings or code, and not used: "
        f"{', '.join(others[:MAX_NAMED])}{' ...' if len(others) > MAX_NAMED else ''} of {len(others)} in {folder.parent}",
        file=sys.stderr,
        flush=True,
    )


def forget_state(checkpoints: Path) -> None:
    """Remove the states of a fine-tuning whose result is recorded, those of other weights or settings too; records stay."""
    for name in ("state-*.pth", LAST):
        for file in checkpoints.glob(f"*/{name}"):
            file.unlink()
