"""What LOD takes from a trunk: dense maps of a picture, and one descriptor of it (spec of LOD, section 1).

A trunk is a module with torchvision's ResNet names (`conv1`, `bn1`, `layer1` to `layer4`). Pictures go through it one by
one, so that a result never depends on which other pictures shared a batch or a shard.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from objectcrop.boxes import Size

Picture = NDArray[np.uint8]
FeatureMap = NDArray[np.float32]

STRIDES = {"layer1": 4, "layer2": 8, "layer3": 16, "layer4": 32}
"""Input pixels per cell of a ResNet's layers."""

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)


def reduced_size(size: Size, long_side_px: int) -> Size:
    """Size after reducing the long side to at most `long_side_px`, sides of at least 1 px; never enlarged."""
    share = min(1.0, long_side_px / max(size))
    return Size(max(1, round(size.width * share)), max(1, round(size.height * share)))


def resized(picture: Picture, size: Size) -> Picture:
    """Picture (H, W, 3) at another size: bicubic with a filter as wide as the reduction (Pillow)."""
    if size == (picture.shape[1], picture.shape[0]):
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def normalised(picture: Picture) -> Tensor:
    """Float32 tensor (1, 3, H, W): x/255, minus ImageNet's mean, over its standard deviation."""
    scaled = torch.from_numpy(np.array(picture, copy=True)).permute(2, 0, 1).to(torch.float32) / 255
    mean, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(STANDARD_DEVIATION)[:, None, None]
    return ((scaled - mean) / deviation)[None]


@torch.inference_mode()
def layer_maps(trunk: nn.Module, picture: Picture, layers: Sequence[str]) -> list[FeatureMap]:
    """Maps (channels, height, width) of the named layers, in the order asked; deeper layers are not computed.

    Raises:
        ValueError: if a layer is not one of `STRIDES`.
    """
    unknown = [layer for layer in layers if layer not in STRIDES]
    if unknown:
        raise ValueError(f"lod.layers: unknown layer(s) {unknown}; a ResNet trunk has {list(STRIDES)}")
    parts = dict(trunk.named_children())
    device = next(trunk.parameters()).device
    x = normalised(picture).to(device).contiguous(memory_format=torch.channels_last)
    for name in ("conv1", "bn1", "relu", "maxpool"):
        x = parts[name](x)
    found: dict[str, FeatureMap] = {}
    for name in sorted(STRIDES):
        x = parts[name](x)
        if name in layers:
            found[name] = x[0].float().cpu().contiguous().numpy()
        if len(found) == len(set(layers)):
            break
    return [found[layer] for layer in layers]


def descriptor(trunk: nn.Module, picture: Picture, side_px: int) -> FeatureMap:
    """Image descriptor (channels,): mean over the last layer's cells of the picture squeezed to a square.

    The reference averages the last map of its self-supervised VGG; a ResNet's last map is layer4.
    """
    last = layer_maps(trunk, resized(picture, Size(side_px, side_px)), ["layer4"])[0]
    return np.asarray(last.mean(axis=(1, 2)))
