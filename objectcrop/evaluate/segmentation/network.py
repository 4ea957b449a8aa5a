"""DeepLabv3 (Chen et al. 2017, arXiv:1706.05587): torchvision's head on a ResNet whose last two stages keep stride 8."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from objectcrop.networks.backbones import Backbone, ResNet
from objectcrop.views.normalisation import normalise

STRIDE = 8


class DeepLabv3(nn.Module):
    """A dilated trunk and torchvision's head.

    Args:
        trunk: plain ResNet; its stages are dilated in place.
        num_classes: outputs of each pixel.
        atrous_rates: dilations of the head's three convolutions, pixels of the last map.
    """

    def __init__(self, trunk: Backbone, num_classes: int, atrous_rates: Sequence[int]) -> None:
        super().__init__()
        self.trunk = dilated(trunk)
        self.head = DeepLabHead(trunk.num_features, num_classes, tuple(atrous_rates))

    def forward(self, images: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the score of each class of each pixel, shape (N, num_classes, *size).

        Args:
            images: uint8, shape (N, H, W, 3).
            size: height and width that the scores are resized to, bilinearly.
        """
        scores: Tensor = self.head(self.trunk.forward_map(normalise(images)))
        return F.interpolate(scores.float(), size=size, mode="bilinear", align_corners=False)


def dilated(trunk: Backbone) -> ResNet:
    """Take the strides of the last two stages of a ResNet away and dilate what follows each; weights stay.

    The result is that of torchvision's `replace_stride_with_dilation=[False, True, True]`, which has no basic blocks: of these
    both convolutions behind the stride are dilated. On every fourth pixel of both sides the last map is that of the plain trunk.

    Raises:
        ValueError: for a trunk that is no plain ResNet.
    """
    if not isinstance(trunk, ResNet):
        raise ValueError(f"expected a ResNet in RGB, got {type(trunk).__name__}: only its stages can be dilated")
    for name, before in (("layer3", 1), ("layer4", 2)):
        for convolution in trunk.get_submodule(name).modules():
            if isinstance(convolution, nn.Conv2d):
                _dilate(convolution, before)
    return trunk


def _dilate(convolution: nn.Conv2d, before: int) -> None:
    """Take a convolution's stride away; `before` is the dilation of what is before the stage's stride, behind it is twice that."""
    if convolution.kernel_size == (3, 3):
        dilation = before if convolution.stride == (2, 2) else 2 * before
        convolution.dilation = convolution.padding = (dilation, dilation)
    convolution.stride = (1, 1)
