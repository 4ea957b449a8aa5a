"""Weights written in the layout of another project, as torch.save, safetensors or Detectron2's pickle of arrays."""

import hashlib
import io
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.networks.backbones import resnet_names
from objectcrop.networks.conversion import in_layout, shorten
from objectcrop.networks.key_schemes import Scheme, as_detectron2
from objectcrop.networks.safetensors import write_safetensors
from objectcrop.runtime.atomic import replacing

SUFFIXES = (".safetensors", ".pth", ".pt", ".tar", ".ckpt", ".torch", ".pkl")
TRAILER = b"sha256:"
"""Stands after the end of a pickle, before its SHA-256; Detectron2 reads neither."""


def default_scheme(path: Path) -> str:
    """Return the layout that a file's ending stands for.

    Raises:
        ValueError: for another ending than those of weights.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: weights are written to files that end in one of {', '.join(SUFFIXES)}")
    return "detectron2" if path.suffix == ".pkl" else "torchvision"


def write_layout(path: Path, weights: Mapping[str, Tensor], scheme: Scheme, precision: str = "unknown") -> None:
    """Write a ResNet's trunk in a layout, atomically; equal weights give equal bytes.

    Args:
        path: of the file; its ending says how it is written.
        weights: in torchvision's names.
        scheme: the layout.
        precision: that they were trained in, for the record in `.pkl` and `.safetensors` files.

    Raises:
        ValueError: if such a file cannot have this layout, or Detectron2 has no such network.
    """
    default_scheme(path)
    if path.suffix == ".pkl":
        if scheme.name != "detectron2":
            raise ValueError(f"{path}: a .pkl file is Detectron2's; write layout {scheme.name} to a .pth file")
        write_detectron2(path, {name: tensor.numpy() for name, tensor in weights.items()}, precision=precision)
        return
    if scheme.name == "detectron2":
        _check_stem(weights["conv1.weight"].shape)
    content = in_layout(weights, scheme)
    if path.suffix == ".safetensors":
        write_safetensors(path, dict(_flat(content)), {"layout": scheme.name, "precision": precision})
        return
    buffer = io.BytesIO()  # a path would be written into the file
    torch.save(content, buffer)
    with replacing(path) as aside:
        aside.write_bytes(buffer.getvalue())


def to_detectron2(weights: Mapping[str, NDArray[Any]], *, precision: str = "none") -> dict[str, Any]:
    """What Detectron2's checkpointer reads: arrays by name, and the flag that lets it find `res5` in the C4 head.

    Args:
        weights: of a ResNet's trunk, in torchvision's names.
        precision: that they were trained in, for the record.

    Raises:
        ValueError: for a name of no ResNet trunk, or a small stem.
    """
    if foreign := sorted(weights.keys() - resnet_names("resnet152")):
        raise ValueError(f"{shorten(foreign)}: no tensor of a ResNet trunk in torchvision's names")
    first = weights.get("conv1.weight")
    if first is not None:
        _check_stem(np.shape(first))
    model = {as_detectron2(name): np.asarray(value) for name, value in weights.items()}
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
        aside.write_bytes(content + TRAILER + hashlib.sha256(content).digest())


def _check_stem(shape: tuple[int, ...]) -> None:
    if tuple(shape[2:]) == (3, 3):
        raise ValueError(
            "conv1.weight is 3 x 3, a small stem's: Detectron2 has none, take a run with backbone.stem imagenet"
        )


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield before + name, value
        else:
            yield from _flat(value, f"{before}{name}.")
