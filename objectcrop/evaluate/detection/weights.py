"""Weights on their way into a detector: the exported file, and which of its tensors a model has taken."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.networks.checkpoints import read_arrays
from objectcrop.networks.conversion import COUNTER
from objectcrop.networks.layout_files import TRAILER

RUNNING_MEAN = ".running_mean"
_TRAILER_BYTES = len(TRAILER) + hashlib.sha256().digest_size


def read_detectron2(path: str | Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of `write_detectron2`.

    Raises:
        ValueError: naming the file, if it is damaged or holds anything else than arrays and text.
    """
    return {name: tensor.numpy() for name, tensor in _read(Path(path))["model"].items()}


def read_precision(path: str | Path) -> str:
    """Return the precision that the weights of a file of `write_detectron2` were trained in, "none" if they were not trained.

    Raises:
        ValueError: as `read_detectron2`.
    """
    return str(_read(Path(path))["precision"])


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    content, trailer = data[:-_TRAILER_BYTES], data[-_TRAILER_BYTES:]
    try:
        if trailer != TRAILER + hashlib.sha256(content).digest():
            raise ValueError(
                f"{path}: damaged, or not of this version: it does not end with the SHA-256 of its content"
            )
        value = read_arrays(path)
        if not isinstance(value, dict) or not value.keys() >= {"model", "precision"}:
            raise ValueError(f"{path}: it holds no model, or no precision")
    except ValueError as error:
        raise ValueError(f"{error}; remove it and run snakemake again: rule export_backbone makes it") from error
    return value


def unused_weights(state: Mapping[str, NDArray[Any]], weights: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return names of weights that no tensor of a model's state, of the same name behind any prefix, holds bit by bit.

    The counter of batches of a norm is not among them where the norm holds the running mean but keeps no counter, as
    Detectron2's FrozenBatchNorm2d.

    Args:
        state: arrays of the model by name.
        weights: arrays by name, in Detectron2's names.
    """

    def places(name: str) -> list[str]:
        return [place for place in state if place == name or place.endswith(f".{name}")]

    def is_used(name: str) -> bool:
        held = places(name)
        if not held and name.endswith(COUNTER):
            mean = name.removesuffix(COUNTER) + RUNNING_MEAN
            return mean in weights and is_used(mean)
        return any(np.array_equal(state[place], weights[name]) for place in held)

    return [name for name in weights if not is_used(name)]
