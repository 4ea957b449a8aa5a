"""Names of a ResNet's weights: torchvision's to Detectron2's.

The rule is MoCo's converter's (detection/convert-pretrain-to-detectron2.py): what is in no stage gets `stem.`, layerN
becomes res(N+1), bnN the norm of convN, and the two parts of a downsample the shortcut and its norm. Here every name must
be known, and every one is used.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STAGE = re.compile(r"layer(?P<stage>[1-4])\.(?P<block>\d+)\.(?P<rest>.+)")
_PART = (
    (re.compile(r"conv(\d)\.(.+)"), r"conv\1.\2"),
    (re.compile(r"bn(\d)\.(.+)"), r"conv\1.norm.\2"),
    (re.compile(r"downsample\.0\.(.+)"), r"shortcut.\1"),
    (re.compile(r"downsample\.1\.(.+)"), r"shortcut.norm.\1"),
)


def detectron2_name(name: str) -> str:
    """Detectron2's name of a torchvision ResNet's tensor.

    Raises:
        ValueError: if it is no name of a ResNet trunk.
    """
    match = _STAGE.fullmatch(name)
    prefix = f"res{int(match['stage']) + 1}.{match['block']}." if match else "stem."
    rest = match["rest"] if match else name
    for pattern, replacement in _PART[: None if match else 2]:
        if pattern.fullmatch(rest):
            return prefix + pattern.sub(replacement, rest)
    raise ValueError(f"{name!r} is no tensor of a ResNet trunk in torchvision's names")


def to_detectron2(weights: Mapping[str, NDArray[Any]], *, precision: str = "none") -> dict[str, Any]:
    """What Detectron2's checkpointer reads: arrays by name, and the flag that lets it find `res5` in the C4 head.

    Args:
        weights: in torchvision's names.
        precision: that they were trained in, for the record (`read_precision`).

    Raises:
        ValueError: for a name of no ResNet trunk, or a small stem.
    """
    first = weights.get("conv1.weight")
    if first is not None and np.shape(first)[2:] == (3, 3):
        raise ValueError(
            "conv1.weight is 3 x 3, a small stem's: Detectron2 has none, take a run with backbone.stem imagenet"
        )
    model = {detectron2_name(name): np.asarray(value) for name, value in weights.items()}
    return {"model": model, "__author__": "objectcrop", "matching_heuristics": True, "precision": precision}


def read_detectron2(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that `export_backbone` wrote; it is a pickle, so read only files of your own."""
    with Path(path).open("rb") as file:
        arrays: dict[str, NDArray[Any]] = pickle.load(file)["model"]
    return arrays


def read_precision(path: str | Path) -> str:
    """The precision that the weights of a file of `export_backbone` were trained in, "none" if they were not trained."""
    with Path(path).open("rb") as file:
        return str(pickle.load(file)["precision"])


def unused_weights(state: Mapping[str, NDArray[Any]], weights: Mapping[str, NDArray[Any]]) -> list[str]:
    """Names of weights that no tensor of a model's state, of the same name behind any prefix, holds bit by bit."""

    def is_used(name: str) -> bool:
        places = [found for found in state if found == name or found.endswith(f".{name}")]
        return any(np.array_equal(state[place], weights[name]) for place in places)

    return [name for name in weights if not is_used(name)]
