"""The files of a detector's state, and the detector that is kept on request."""

import sys
from pathlib import Path
from typing import Any

from objectcrop.runtime.atomic import replacing, write_text

LAST = "last_checkpoint"
"""File of Detectron2's checkpointer that names the newest state of its folder."""
STATE_FILES = ("state-*.pth", LAST)


def keep_detector(folder: Path, model: Any, cfg: Any) -> None:
    """Write a detector's weights and its config, as Detectron2's checkpointer and config node read them."""
    import torch

    with replacing(folder / "detector.pth") as aside:
        torch.save({"model": {name: value.cpu() for name, value in model.state_dict().items()}}, aside)
    write_text(folder / "detector.yaml", cfg.dump())
    print(f"the detector is kept: {folder / 'detector.pth'} and detector.yaml", file=sys.stderr, flush=True)
