"""Backbone files: safetensors and torchvision's `.pth`."""

import argparse
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from objectcrop.networks.backbones import Backbone, build_backbone
from objectcrop.networks.named import CLASSIFIERS
from objectcrop.networks.safetensors import read_metadata, read_safetensors, write_safetensors
from objectcrop.runtime.checksum import require_sha256
from objectcrop.study.settings.runs import BackboneSettings

_STEMS = {3: "small", 7: "imagenet"}
_FIRST = ("conv1.weight", "luminance.conv1.weight")
"""The first kernel of a ResNet, whose size identifies its stem."""
_NESTED = ("state_dict", "network", "model")
"""Under which checkpoints keep the tensors, beside epochs and the like."""
_COUNTER = ".num_batches_tracked"
"""Ending of the tensors that checkpoints from before PyTorch 0.4.1 lack; a trunk with a fixed momentum never reads them."""
_FOREIGN = re.compile(r"GLOBAL (\S+) (?:was not an allowed|whose module)")
"""How `torch.load` names the class or function that it does not allow."""


def read_training_precision(path: str | Path) -> str:
    """Return what the weights of a `.safetensors` file were trained in.

    That is "float32", "bfloat16", both joined by "+", "none" if they were not trained here, "unknown" if the file does not
    say.

    Raises:
        ValueError: naming the file, if it is damaged, cut off, or no such file.
    """
    return read_metadata(path).get("precision", "unknown")


def save_backbone(backbone: Backbone, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a trunk's weights in torchvision's names (timm's for its networks), float32; a small stem is recorded."""
    weights = dict(backbone.weights.state_dict())
    stem = {"stem": "small"} if stem_of(weights) == "small" else {}
    write_safetensors(path, weights, {**metadata, **stem})


def load_backbone(path: str | Path, settings: BackboneSettings) -> Backbone:
    """A trunk with plain batch norm and the weights of a `.safetensors` or `.pth` file; a classifier in it is dropped.

    Raises:
        ValueError: naming the file, and the names that are missing, unexpected or of another shape.
    """
    backbone = build_backbone(settings)
    load_weights(backbone, read_weights(path), where=str(path))
    return backbone


def load_external(settings: BackboneSettings, data_root: Path, *, where: str) -> Backbone:
    """Return a trunk with the weights of the file that its settings name under the data root, if it is the one they pin.

    Raises:
        ValueError: if they name none or it has another SHA-256, with the setting behind `where`; or as `load_backbone`.
    """
    if settings.weights is None:
        raise ValueError(f"{where}.weights: is missing; name the file of weights")
    path = data_root / settings.weights
    require_sha256(path, settings.weights_sha256, setting=f"{where}.weights_sha256")
    return load_backbone(path, settings)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a `.safetensors` file, or of a `.pth` file that holds them itself or under a usual name.

    Beside the tensors a `.pth` file may hold plain values and an `argparse.Namespace`. No code of a file runs.

    Raises:
        ValueError: naming the file, and the class if it holds another one, or if it holds no tensors by name.
    """
    if Path(path).suffix == ".safetensors":
        return read_safetensors(path)
    loaded = _read_pickled(path)
    if isinstance(loaded, dict):
        loaded = next((loaded[name] for name in _NESTED if isinstance(loaded.get(name), dict)), loaded)
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ValueError(f"{path}: expected names and tensors (a state_dict in torchvision's names)")
    return loaded


def _read_pickled(path: str | Path) -> Any:
    try:
        # training scripts store their arguments so; a Namespace holds values and runs no code
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        foreign = _FOREIGN.search(str(error))
        if foreign is None:
            raise ValueError(
                f"{path}: it is not a checkpoint of torch.save, or not one that can be read without running its code; "
                "expected a state_dict in torchvision's names: get the file again"
            ) from error
        raise ValueError(
            f"{path}: it holds {foreign[1]}, expected only tensors, plain values and argparse.Namespace, which are read "
            "without running code of the file; if you trust its source, load it with torch.load(..., weights_only=False) in "
            "an environment that you trust and save the state_dict alone with torch.save"
        ) from error


def load_weights(backbone: Backbone, weights: Mapping[str, Tensor], *, where: str) -> None:
    """Copy weights by name; all must be there, of the right shape, and none besides but those of a classifier.

    Only the batch norms' counters of batches (`num_batches_tracked`) may be missing; a missing one becomes 0.

    Raises:
        ValueError: with `where`, and the names that are missing, unexpected or of another shape.
    """
    own_state = backbone.weights.state_dict()
    state = {
        name: tensor for name, tensor in weights.items() if name in own_state or name.split(".")[0] not in CLASSIFIERS
    }
    counters = {name for name in own_state if name.endswith(_COUNTER)}
    state |= {name: torch.zeros_like(own_state[name]) for name in counters - state.keys()}
    problems = []
    stems = stem_of(state), stem_of(own_state)
    if None not in stems and stems[0] != stems[1]:
        problems.append(f"stem {stems[0]} for {stems[1]}")
    if missing := sorted(own_state.keys() - state.keys()):
        problems.append(f"missing {_shorten(missing)}")
    if unexpected := sorted(state.keys() - own_state.keys()):
        problems.append(f"unexpected {_shorten(unexpected)}")
    shared = sorted(own_state.keys() & state.keys())
    if other := [name for name in shared if own_state[name].shape != state[name].shape]:
        shapes = [f"{name}: {tuple(state[name].shape)} for {tuple(own_state[name].shape)}" for name in other]
        problems.append(f"other shapes {_shorten(shapes)}")
    if problems:
        raise ValueError(
            f"{where}: not the weights of this backbone (arch, width and stem of the run): {'; '.join(problems)}"
        )
    backbone.weights.load_state_dict(state)


def stem_of(weights: Mapping[str, Tensor]) -> str | None:
    """Return the stem of a ResNet's weights, by the side of the first kernel; None for another network's."""
    kernels = [weights[name] for name in _FIRST if name in weights]
    return _STEMS.get(kernels[0].shape[-1]) if kernels and kernels[0].dim() == 4 else None


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
