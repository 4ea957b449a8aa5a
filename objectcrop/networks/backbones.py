"""Trunks: torchvision's ResNets of any width, without the classifier, in torchvision's names."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1

from objectcrop.networks.batch_norm import (
    GlobalBatchNorm2d,
    SplitBatchNorm2d,
    is_shared,
    passes_apart,
    running_statistics_kept,
)
from objectcrop.networks.color_pair import NUM_CHANNELS, ColorSplit
from objectcrop.networks.named import build_named, find_network_problem, with_norm_layer
from objectcrop.runtime.seeding import seeded_torch
from objectcrop.study.settings.backbones import BackboneSettings, find_shape_problem
from objectcrop.views.normalisation import normalise

NormLayer = Callable[[int], nn.Module]
STAGES = ("layer1", "layer2", "layer3", "layer4")
_BLOCKS: dict[str, tuple[type[nn.Module], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


class View(NamedTuple):
    """Images as a trunk sees them, normalised, and its pooled features of them, shape (N, num_features)."""

    images: Tensor
    features: Tensor

    def halves(self) -> tuple["View", "View"]:
        """The two views whose images went through the trunk together."""
        (first, second), (first_features, second_features) = self.images.chunk(2), self.features.chunk(2)
        return View(first, first_features), View(second, second_features)


class Backbone(nn.Module, ABC):
    """A trunk.

    Attributes:
        num_features: length of the pooled feature vector.
    """

    num_features: int

    @property
    def weights(self) -> nn.Module:
        """The module whose state goes to a file: its names are those of the library that the network is from."""
        return self

    @abstractmethod
    def forward_layers(self, images: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Maps after the named stages, shape (N, C, H, W) each.

        Raises:
            ValueError: for a name that is no stage.
        """

    @abstractmethod
    def forward_map(self, images: Tensor) -> Tensor:
        """The last map, stride 32 (8 of a small stem), shape (N, num_features, H / stride, W / stride)."""

    def forward(self, images: Tensor) -> Tensor:
        """Features pooled over the last map, shape (N, num_features); `images` are normalised, shape (N, 3, H, W)."""
        return self.forward_map(images).mean(dim=(2, 3))

    @staticmethod
    def normalised(images: Tensor) -> Tensor:
        """What `forward` takes of uint8 images, shape (N, H, W, 3)."""
        return normalise(images)

    def view(self, images: Tensor) -> View:
        """Normalise uint8 images, shape (N, H, W, 3), and compute their features."""
        ready = self.normalised(images)
        return View(ready, self(ready))

    def view_aside(self, images: Tensor) -> View:
        """Return what `view` does without a change to running statistics."""
        ready = self.normalised(images)
        return View(ready, self.features_aside(ready))

    def features_aside(self, images: Tensor) -> Tensor:
        """Compute features of normalised images without a change to running statistics."""
        with running_statistics_kept(self):
            features: Tensor = self(images)
        return features

    def maps_at_once(self, images: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The last maps of several passes by one, of normalised images of one size; those after the first stand aside.

        Batch norm must be split (`passes_apart`): the maps are then those of passes one after the other.
        """
        rows = [len(some) for some in images]
        with passes_apart(self, rows):
            return torch.split(self.forward_map(torch.cat(list(images))), rows)

    def view_and_map(self, images: Tensor) -> tuple[View, Tensor]:
        """The view, and the last map that its features are pooled over."""
        ready = self.normalised(images)
        map_ = self.forward_map(ready)
        return View(ready, map_.mean(dim=(2, 3))), map_


class ResNet(Backbone):
    """A ResNet trunk; at width 1 its state is torchvision's without `fc`, but for the first kernel of a small stem."""

    def __init__(
        self,
        settings: BackboneSettings,
        norm_layer: NormLayer = nn.BatchNorm2d,
        *,
        in_channels: int = 3,
        stem_channels: int | None = None,
    ) -> None:
        super().__init__()
        self._block, counts = _BLOCKS[settings.arch]
        expansion = 4 if self._block is Bottleneck else 1
        planes = [max(8, round(base * settings.width)) for base in (64, 128, 256, 512)]
        inputs = stem_channels or planes[0]
        is_small = settings.stem == "small"
        kernel, stride = (3, 1) if is_small else (7, 2)
        self.conv1 = nn.Conv2d(in_channels, inputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = norm_layer(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if is_small else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for name, width, count in zip(STAGES, planes, counts, strict=True):
            stride = 1 if name == "layer1" else 2
            self.add_module(name, self._stage(inputs, width, count, stride, expansion, norm_layer))
            inputs = width * expansion
        self.num_features = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(
        self, inputs: int, planes: int, count: int, stride: int, expansion: int, norm_layer: NormLayer
    ) -> nn.Sequential:
        outputs = planes * expansion
        shortcut = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Sequential(conv1x1(inputs, outputs, stride), norm_layer(outputs))
        make = self._block
        first = make(inputs, planes, stride, shortcut, norm_layer=norm_layer)
        return nn.Sequential(first, *(make(outputs, planes, norm_layer=norm_layer) for _ in range(count - 1)))

    def forward_layers(self, images: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Return maps after the named stages (`layer1` .. `layer4`, strides 4 .. 32; small stem: 1 .. 8), (N, C, H, W) each.

        Nothing behind the last named stage is computed.

        Raises:
            ValueError: for a name that is no stage.
        """
        if unknown := sorted(set(names) - set(STAGES)):
            raise ValueError(f"no layer {unknown} in a ResNet, choose among {list(STAGES)}")
        maps: dict[str, Tensor] = {}
        map_ = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for name in STAGES:
            if len(maps) == len(set(names)):
                break
            map_ = self.get_submodule(name)(map_)
            if name in names:
                maps[name] = map_
        return maps

    def forward_map(self, images: Tensor) -> Tensor:
        """Return the last map."""
        return self.forward_layers(images, ("layer4",))["layer4"]


class ColorPair(Backbone):
    """CMC's trunk: two ResNets of half the width side by side, one for luminance, one for chrominance.

    Each keeps the full width in its first convolution (CMC's v1). Maps and features are those of both, luminance first. What
    comes in are normalised RGB images as for any trunk; the names in the state are torchvision's behind `luminance.` and
    `chrominance.`.
    """

    def __init__(self, settings: BackboneSettings, norm_layer: NormLayer = nn.BatchNorm2d) -> None:
        super().__init__()
        assert settings.color != "rgb"
        half, stem = settings.model_copy(update={"width": settings.width / 2}), max(8, round(64 * settings.width))
        luminance, chrominance = NUM_CHANNELS
        self.luminance = ResNet(half, norm_layer, in_channels=luminance, stem_channels=stem)
        self.chrominance = ResNet(half, norm_layer, in_channels=chrominance, stem_channels=stem)
        self.colors = ColorSplit(settings.color)
        self.num_features = self.luminance.num_features + self.chrominance.num_features

    def forward_layers(self, images: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Maps after the named stages (`layer1` .. `layer4`), those of luminance first."""
        luminance, chrominance = self.colors(images)
        first, second = (
            self.luminance.forward_layers(luminance, names),
            self.chrominance.forward_layers(chrominance, names),
        )
        return {name: torch.cat([first[name], second[name]], dim=1) for name in first}

    def forward_map(self, images: Tensor) -> Tensor:
        """Return the last map of both."""
        return self.forward_layers(images, ("layer4",))["layer4"]


class NamedBackbone(Backbone):
    """Any network of torchvision or timm whose last map has stride 32; its state has that library's names."""

    def __init__(self, settings: BackboneSettings, norm_layer: NormLayer | None = None) -> None:
        super().__init__()
        named = build_named(settings.arch)
        self.network = named.network if norm_layer is None else with_norm_layer(named.network, norm_layer)
        self.num_features = named.num_features
        self._read = (named.read,)

    @property
    def weights(self) -> nn.Module:
        """The network itself."""
        return self.network

    def forward_layers(self, images: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Return the last map, under the name `last`."""
        if unknown := sorted(set(names) - {"last"}):
            raise ValueError(f"no layer {unknown} in this trunk, choose 'last'")
        return {"last": self.forward_map(images)}

    def forward_map(self, images: Tensor) -> Tensor:
        """Return the last map."""
        return self._read[0](self.network, images)


def build_backbone(
    settings: BackboneSettings, batch_norm_group: int | None = None, *, is_global: bool = False
) -> Backbone:
    """Build a trunk with fresh weights, drawn from torch's global generator (see `seeded_weights`).

    Args:
        settings: which trunk.
        batch_norm_group: images that share batch statistics (0: all of the device's batch); None takes plain batch norm.
        is_global: whether the images of all processes share batch statistics.

    Raises:
        ValueError: for a network that does not exist, or that gives no map of stride 32, or that is no ResNet where only
            ResNets will do.
    """
    norm_layer: NormLayer | None = GlobalBatchNorm2d if is_global else None
    if batch_norm_group is not None:
        norm_layer = partial(SplitBatchNorm2d, group=batch_norm_group)
    if settings.arch in _BLOCKS:
        kind = ResNet if settings.color == "rgb" else ColorPair
        return kind(settings) if norm_layer is None else kind(settings, norm_layer)
    if problem := find_trunk_problem(settings):
        raise ValueError(problem)
    is_plain = batch_norm_group == 0 or (is_global and not is_shared())
    return NamedBackbone(settings, None if is_plain else norm_layer)


def find_trunk_problem(settings: BackboneSettings) -> str | None:
    """Return one sentence that says why there is no such trunk; None if there is one."""
    if settings.arch in _BLOCKS:
        return None
    if problem := find_network_problem(settings.arch):
        return problem
    problem = find_shape_problem(settings)
    return problem and f"backbone.{problem}"


@cache
def resnet_names(arch: str) -> frozenset[str]:
    """Return the names of all tensors of a ResNet's trunk in RGB."""
    with torch.device("meta"):
        return frozenset(build_backbone(BackboneSettings(arch=arch)).state_dict())


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Draw fresh weights from `seed` for the length of the block, and leave torch's generator as it was."""
    with seeded_torch(seed, torch.device("cpu")):
        yield
