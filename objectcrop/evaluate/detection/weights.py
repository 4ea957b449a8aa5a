"""Names of a ResNet's weights: torchvision's to Detectron2's.

The rule is MoCo's converter's (detection/convert-pretrain-to-detectron2.py): what is in no stage gets `stem.`, layerN
becomes res(N+1), bnN the norm of convN, and the two parts of a downsample the shortcut and its norm. Here every name must
have a rule, and every one is used.
"""

import hashlib
import io
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.runtime.atomic import replacing

_STAGE = re.compile(r"layer(?P<stage>[1-4])\.(?P<block>\d+)\.(?P<rest>.+)")
_PART = (
    (re.compile(r"conv(\d)\.(.+)"), r"conv\1.\2"),
    (re.compile(r"bn(\d)\.(.+)"), r"conv\1.norm.\2"),
    (re.compile(r"downsample\.0\.(.+)"), r"shortcut.\1"),
    (re.compile(r"downsample\.1\.(.+)"), r"shortcut.norm.\1"),
)
COUNTER, RUNNING_MEAN = ".num_batches_tracked", ".running_mean"


def detectron2_name(name: str) -> str:
    """Return Detectron2's name of a torchvision ResNet's tensor.

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


def write_detectron2(path: str | Path, weights: Mapping[str, NDArray[Any]], *, precision: str = "none") -> None:
    """Write what `to_detectron2` returns, atomically: a pickle, and after its end a SHA-256 of it, which Detectron2 ignores.

    Args:
        path: of the file.
        weights: in torchvision's names.
        precision: that they were trained in.

    Raises:
        ValueError: as `to_detectron2`.
    """
    content = pickle.dumps(to_detectron2(weights, precision=precision), protocol=4)
    with replacing(path) as aside:
        aside.write_bytes(content + _TRAILER + hashlib.sha256(content).digest())


def read_detectron2(path: str | Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of `write_detectron2`.

    Raises:
        ValueError: naming the file, if it is damaged or holds anything else than arrays and text.
    """
    arrays: dict[str, NDArray[Any]] = _read(Path(path))["model"]
    return arrays


def read_precision(path: str | Path) -> str:
    """Return the precision that the weights of a file of `write_detectron2` were trained in, "none" if they were not trained.

    Raises:
        ValueError: as `read_detectron2`.
    """
    return str(_read(Path(path))["precision"])


class _Unpickler(pickle.Unpickler):
    """Makes arrays, and calls nothing that a file names."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three names of NumPy that a pickled array has."""
        if module.startswith("numpy") and name in _ALLOWED:
            return _ALLOWED[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, expected only arrays and text")


_ALLOWED: dict[str, Any] = {
    "ndarray": np.ndarray,
    "dtype": np.dtype,
    "_reconstruct": lambda *_: np.empty(0),  # the array's state follows, with its shape and type
}
_TRAILER = b"sha256:"
_TRAILER_BYTES = len(_TRAILER) + hashlib.sha256().digest_size


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    content, trailer = data[:-_TRAILER_BYTES], data[-_TRAILER_BYTES:]
    try:
        if trailer != _TRAILER + hashlib.sha256(content).digest():
            raise ValueError("damaged, or not of this version: it does not end with the SHA-256 of its content")
        value = _Unpickler(io.BytesIO(content)).load()
        if not isinstance(value, dict) or not value.keys() >= {"model", "precision"}:
            raise ValueError("it holds no model, or no precision")
    except (ValueError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path}: {error}; remove it and run snakemake again: rule export_backbone makes it"
        ) from error
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
