"""Backbone files: ours, and those of other projects in whatever layout they have."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from objectcrop.networks.backbones import Backbone, build_backbone, resnet_names, seeded_weights
from objectcrop.networks.checkpoints import read_checkpoint
from objectcrop.networks.conversion import COUNTER, check_names, find_trunk, nearest_resnet, non_finite, shorten
from objectcrop.networks.key_schemes import NESTS
from objectcrop.networks.safetensors import read_metadata, write_safetensors
from objectcrop.runtime.checksum import require_sha256
from objectcrop.study.settings.runs import BackboneSettings

_STEMS = {3: "small", 7: "imagenet"}
_FIRST = ("conv1.weight", "luminance.conv1.weight")
"""The first kernel of a ResNet, whose size identifies its stem."""


class InitialWeights(NamedTuple):
    """What a trunk starts from.

    Attributes:
        weights: by the names of the trunk's state.
        where: the file.
        layout: of the file, in words.
    """

    weights: Mapping[str, Tensor]
    where: str
    layout: str


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
    """Build a trunk with plain batch norm and the weights of a file of any layout (`key_schemes`); the rest is dropped.

    Raises:
        ValueError: naming the file, and the names that are missing, unexpected or of another shape.
    """
    backbone = build_backbone(settings)
    load_weights(backbone, find_weights(path, backbone))
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


def find_initial(settings: BackboneSettings, data_root: Path, *, where: str) -> InitialWeights | None:
    """Return the weights that training starts from, if its settings name a file, and it is the one they pin.

    Raises:
        ValueError: if the file has another SHA-256, with the setting behind `where`, or does not fit the trunk.
    """
    if settings.init_from is None:
        return None
    path = data_root / settings.init_from
    require_sha256(path, settings.init_from_sha256, setting=f"{where}.init_from_sha256")
    with seeded_weights(0):  # whatever is drawn is replaced, and no number of the run's is used up
        backbone = build_backbone(settings)
    initial = find_weights(path, backbone)
    load_weights(backbone, initial)
    return initial


def find_weights(path: str | Path, backbone: Backbone) -> InitialWeights:
    """Read the weights of a trunk from a file of any layout.

    Raises:
        ValueError: naming the file, if it is damaged, or holds no such trunk.
    """
    trunk = find_trunk(read_checkpoint(path), backbone.weights.state_dict(), where=str(path))
    return InitialWeights(trunk.weights, str(path), trunk.describe())


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a file by their names; of a file that keeps them under a usual name, those alone.

    Raises:
        ValueError: as `read_checkpoint`.
    """
    tensors = read_checkpoint(path).tensors
    for nest in NESTS:
        if inside := {name for name in tensors if name.startswith(f"{nest}.")}:
            return {name.removeprefix(f"{nest}."): tensors[name] for name in tensors if name in inside}
    return tensors


def load_weights(backbone: Backbone, initial: InitialWeights) -> None:
    """Copy weights by name; all must be there, of the right shape and finite, and none besides.

    Only the batch norms' counters of batches (`num_batches_tracked`) may be missing; a missing one becomes 0.

    Raises:
        ValueError: with the file, and the names that are missing, unexpected, of another shape or not finite.
    """
    own_state, state = backbone.weights.state_dict(), dict(initial.weights)
    problems = []
    stems = stem_of(state), stem_of(own_state)
    if None not in stems and stems[0] != stems[1]:
        problems.append(f"stem {stems[0]} for {stems[1]}")
    misnamed = check_names(state, own_state)
    if misnamed and own_state.keys() != state.keys():
        problems += [*_other_depth(state), *misnamed]
    shared = sorted(own_state.keys() & state.keys())
    if other := [name for name in shared if own_state[name].shape != state[name].shape]:
        shapes = [f"{name}: {tuple(state[name].shape)} for {tuple(own_state[name].shape)}" for name in other]
        problems.append(f"other shapes {shorten(shapes)}")
    if broken := non_finite(state):
        problems.append(f"values that are not finite in {shorten(broken)}")
    if problems:
        raise ValueError(
            f"{initial.where}: not the weights of this backbone (arch, width and stem of the run): {'; '.join(problems)}"
        )
    counters = {name for name in own_state if name.endswith(COUNTER)} - state.keys()
    backbone.weights.load_state_dict(state | {name: torch.zeros_like(own_state[name]) for name in counters})


def stem_of(weights: Mapping[str, Tensor]) -> str | None:
    """Return the stem of a ResNet's weights, by the side of the first kernel; None for another network's."""
    kernels = [weights[name] for name in _FIRST if name in weights]
    return _STEMS.get(kernels[0].shape[-1]) if kernels and kernels[0].dim() == 4 else None


def _other_depth(state: Mapping[str, Tensor]) -> list[str]:
    """Say which ResNet these weights are, if they are one."""
    arch = nearest_resnet(state)
    return [] if check_names(state, resnet_names(arch)) else [f"it is a {arch}"]
