"""Trunks: torchvision's ResNets of any width, without the classifier, in torchvision's names."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1

from objectcrop.ssl.batch_norm import SplitBatchNorm2d
from objectcrop.study.runs import BackboneSettings

NormLayer = Callable[[int], nn.Module]
STAGES = ("layer1", "layer2", "layer3", "layer4")
_BLOCKS: dict[str, tuple[type[nn.Module], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}


class Backbone(nn.Module):
    """A ResNet trunk; at width 1 its state is torchvision's without `fc`.

    Attributes:
        num_features: length of the pooled feature vector.
    """

    def __init__(self, settings: BackboneSettings, norm_layer: NormLayer = nn.BatchNorm2d) -> None:
        super().__init__()
        self._block, counts = _BLOCKS[settings.arch]
        expansion = 4 if self._block is Bottleneck else 1
        planes = [max(8, round(base * settings.width)) for base in (64, 128, 256, 512)]
        self.conv1 = nn.Conv2d(3, planes[0], kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = norm_layer(planes[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        inputs = planes[0]
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
        """Maps after the named stages (`layer1` .. `layer4`, strides 4 .. 32), shape (N, C, H, W) each.

        Nothing behind the last named stage is computed.

        Raises:
            ValueError: for a name that is no stage.
        """
        if unknown := sorted(set(names) - set(STAGES)):
            raise ValueError(f"no layer {unknown} in a ResNet, choose among {list(STAGES)}")
        found: dict[str, Tensor] = {}
        map_ = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for name in STAGES:
            if len(found) == len(set(names)):
                break
            map_ = self.get_submodule(name)(map_)
            if name in names:
                found[name] = map_
        return found

    def forward_map(self, images: Tensor) -> Tensor:
        """The last map, stride 32, shape (N, num_features, H / 32, W / 32)."""
        return self.forward_layers(images, ("layer4",))["layer4"]

    def forward(self, images: Tensor) -> Tensor:
        """Features pooled over the last map, shape (N, num_features); `images` are normalised, shape (N, 3, H, W)."""
        return self.forward_map(images).mean(dim=(2, 3))


def build_backbone(settings: BackboneSettings, batch_norm_group: int | None = None) -> Backbone:
    """A trunk with fresh weights, drawn from torch's global generator (see `seeded_weights`).

    Args:
        settings: which trunk.
        batch_norm_group: images that share batch statistics (0: all of the device's batch); None takes plain batch norm.
    """
    if batch_norm_group is None:
        return Backbone(settings)
    group = batch_norm_group
    return Backbone(settings, lambda num_features: SplitBatchNorm2d(num_features, group=group))


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Draw fresh weights from `seed` for the length of the block, and leave torch's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
