"""What a fine-tuning leaves: its state and the record of its end, in a folder that the identity of its job names."""

import sys
from pathlib import Path
from typing import Any

from objectcrop.identity.finished import FOLDER, RECORD, Finished, Origin
from objectcrop.runtime.atomic import replacing, write_text

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""
MAX_NAMED = 3


def finished_result(folder: Path, code: str, out: Path, sheet: Path) -> Finished:
    """Return the record of a fine-tuning's end; one of other code is moved aside.

    Args:
        folder: of the job's identity, which covers settings, weights, annotations and images.
        code: digest of the code.
        out: result to write.
        sheet: PNG of predictions to write.
    """
    finished = Finished(folder, Origin(folder.name, code), {"result.json": out, "predictions.png": sheet})
    finished.set_aside()
    return finished


def report_unused_states(folder: Path, label: str) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state.

    Args:
        folder: of the job's identity.
        label: names the fine-tuning.
    """
    found = [*folder.parent.rglob(LAST), *folder.parent.glob(f"*/{FOLDER}/{RECORD}")]
    others = sorted({file.relative_to(folder.parent).parts[0] for file in found} - {folder.name})
    if not others or next(folder.rglob(LAST), None) is not None:
        return
    print(
        f"{label}: starts from scratch; of other weights, data, settings or code, and not used: "
        f"{', '.join(others[:MAX_NAMED])}{' ...' if len(others) > MAX_NAMED else ''} of {len(others)} in {folder.parent}",
        file=sys.stderr,
        flush=True,
    )


def conclude(finished: Finished, checkpoints: Path) -> None:
    """Record what was written, and remove the states that led to it."""
    finished.keep()
    forget_state(checkpoints)


def forget_state(checkpoints: Path) -> None:
    """Remove the states of a fine-tuning whose result is recorded, those of other weights or settings too; records stay."""
    for name in ("state-*.pth", LAST):
        for file in checkpoints.rglob(name):
            file.unlink()


def keep_detector(folder: Path, model: Any, cfg: Any) -> None:
    """Write a detector's weights and its config, as Detectron2's checkpointer and config node read them."""
    import torch

    with replacing(folder / "detector.pth") as aside:
        torch.save({"model": {name: value.cpu() for name, value in model.state_dict().items()}}, aside)
    write_text(folder / "detector.yaml", cfg.dump())
    print(f"the detector is kept: {folder / 'detector.pth'} and detector.yaml", file=sys.stderr, flush=True)
