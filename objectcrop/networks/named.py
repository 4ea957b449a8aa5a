"""Networks of torchvision and timm by name, fresh, without a classifier, read at their last map."""

import difflib
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import DenseNet, get_model, list_models

TIMM = "timm:"
STRIDE = 32
_PROBE_PX = 96
CLASSIFIERS = ("fc", "classifier", "head", "heads")
_BEHIND_THE_MAP = (*CLASSIFIERS, "avgpool", "dropout", "aux1", "aux2")

Reader = Callable[[nn.Module, Tensor], Tensor]


class NamedNetwork(NamedTuple):
    """A network and how its last map is read.

    Attributes:
        network: with fresh weights, in training mode.
        num_features: channels of the last map.
        read: the last map of normalised images.
    """

    network: nn.Module
    num_features: int
    read: Reader


def find_network_problem(arch: str) -> str | None:
    """Return one sentence that says what is wrong with a name, with names that are near; None if nothing is."""
    library = "timm" if arch.startswith(TIMM) else "torchvision"
    prefix = TIMM if library == "timm" else ""
    name = arch.removeprefix(TIMM)
    names: list[str] = _timm().list_models() if library == "timm" else list_models(torchvision.models)
    if name in names:
        return None
    near = [prefix + match for match in difflib.get_close_matches(name, names, n=3)]
    return f"backbone.arch {arch!r}: {library} has no such network{f'; near are {near}' if near else ''}"


def build_named(arch: str) -> NamedNetwork:
    """Build the network of a name.

    Raises:
        ValueError: for an unknown name, naming near ones, or a network that gives no map of stride 32.
    """
    if problem := find_network_problem(arch):
        raise ValueError(problem)
    if arch.startswith(TIMM):
        network = _timm().create_model(arch.removeprefix(TIMM), pretrained=False, num_classes=0, global_pool="")
        read: Reader = _read_timm
    else:
        network, read = _without_classifier(get_model(arch, weights=None)), _read_torchvision
    return NamedNetwork(network, _probe(arch, network, read), read)


def with_norm_layer(network: nn.Module, norm_layer: Callable[[int], nn.Module]) -> nn.Module:
    """The network with every `BatchNorm2d` replaced, names and fresh weights kept.

    Raises:
        ValueError: if it has a batch norm of another kind, which has an activation of its own or the like.
    """
    for name, module in list(network.named_modules()):
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            continue
        if type(module) is not nn.BatchNorm2d:
            raise ValueError(
                f"this trunk's {name} is a {type(module).__name__}, which can be neither split nor shared by processes: "
                "choose another trunk, or a method with plain batch norm"
            )
        replaced = norm_layer(module.num_features)
        replaced.load_state_dict(module.state_dict())
        parent, _, last = name.rpartition(".")
        setattr(network.get_submodule(parent), last, replaced)
    return network


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise ValueError("a trunk 'timm:NAME' needs the package timm, which is not installed") from error


def _without_classifier(network: nn.Module) -> nn.Module:
    for name in _BEHIND_THE_MAP:
        if hasattr(network, name):
            delattr(network, name)
    return network


def _read_timm(network: nn.Module, images: Tensor) -> Tensor:
    map_: Tensor = network.forward_features(images)  # type: ignore[operator]
    return map_


def _read_torchvision(network: nn.Module, images: Tensor) -> Tensor:
    """Return the map that torchvision's families of convolutional networks compute before they pool."""
    if hasattr(network, "features"):
        features: Tensor = network.features(images)  # type: ignore[operator]
        return features.relu() if isinstance(network, DenseNet) else features
    children = dict(network.named_children())
    if "trunk_output" in children:
        map_: Tensor = children["trunk_output"](children["stem"](images))
        return map_
    map_ = images
    for child in children.values():
        map_ = child(map_)
    return map_


def _probe(arch: str, network: nn.Module, read: Reader) -> int:
    """Return the channels of the last map."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        try:
            map_ = read(network, torch.zeros(1, 3, _PROBE_PX, _PROBE_PX))
        except (RuntimeError, AssertionError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"backbone.arch {arch!r} does not read images of {_PROBE_PX} px to a map: {error}"
            ) from error
    network.train(was_training)
    side = _PROBE_PX // STRIDE
    if map_.dim() != 4 or map_.shape[2:] != (side, side):
        raise ValueError(
            f"backbone.arch {arch!r} maps {_PROBE_PX} x {_PROBE_PX} px to shape {tuple(map_.shape[1:])}; a trunk needs a "
            f"map (channels, height, width) of stride {STRIDE}"
        )
    return int(map_.shape[1])
