"""What LOD takes from a network: dense maps of an image, and one descriptor of it (spec of LOD, section 1).

Any network will do whose layers have names and whose maps, after those layers, are not negative (end in a ReLU). Images go
through it one by one, so that a result never depends on which other images shared a batch or a shard.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.feature_extraction import create_feature_extractor

from objectcrop.boxes import Size
from objectcrop.runtime.precision import autocast, resolve_precision
from objectcrop.study.settings.section import Precision

ImageArray = NDArray[np.uint8]
FeatureMap = NDArray[np.float32]
PixelScale = Literal["imagenet", "minus_one_to_one"]

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
PROBE_PX = 256
"""Side of the image that gives a layer's stride; strides divide it."""


def reduced_size(size: Size, long_side_px: int) -> Size:
    """Size after reducing the long side to at most `long_side_px`, sides of at least 1 px; never enlarged."""
    share = min(1.0, long_side_px / max(size))
    return Size(max(1, round(size.width * share)), max(1, round(size.height * share)))


def resized(image: ImageArray, size: Size) -> ImageArray:
    """Image (H, W, 3) at another size: bicubic with a filter as wide as the reduction (Pillow)."""
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def normalised(image: ImageArray, pixels: PixelScale = "imagenet") -> Tensor:
    """Float32 tensor (1, 3, H, W): x/255, minus ImageNet's mean, over its standard deviation; or (x - 127) / 128."""
    values = torch.from_numpy(np.array(image, copy=True)).permute(2, 0, 1).to(torch.float32)
    if pixels == "minus_one_to_one":
        return ((values - 127) / 128)[None]
    mean, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(STANDARD_DEVIATION)[:, None, None]
    return ((values / 255 - mean) / deviation)[None]


class Trunk:
    """A network read at named layers; deeper layers than those asked for are not computed.

    Args:
        network: in evaluation mode; layers are named as in `named_modules`.
        layers: for dense maps.
        descriptor_layer: for the descriptor: a map is averaged over its cells, a vector is taken as it is.
        pixels: how images are scaled for this network.
        precision: what the network computes in; maps and descriptors come out as float32.

    Attributes:
        device: of the network.
        strides: input pixels per cell of each layer.
        precision: that the network computes in, resolved for its device.

    Raises:
        ValueError: if the network is in training mode, lacks a layer, or a layer gives no map.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: tuple[str, ...],
        descriptor_layer: str,
        pixels: PixelScale = "imagenet",
        precision: Precision = "float32",
    ) -> None:
        if network.training:
            raise ValueError(
                "the trunk is in training mode, where an image's features depend on the batch; call eval()"
            )
        self._layers, self._pixels = layers, pixels
        self._maps, self._descriptor = reader(network, layers), reader(network, (descriptor_layer,))
        self.device = next(network.parameters()).device
        self.precision = resolve_precision(precision, self.device)
        self.strides = {layer: self._stride(layer, values) for layer, values in self._probe().items()}

    def maps(self, image: ImageArray) -> list[FeatureMap]:
        """Return maps (channels, height, width) of the layers, in their order.

        A side shorter than a cell is filled up with the mean colour, as networks without padding (VGG) end on such an image.
        """
        pixels, cell = normalised(image, self._pixels), max(self.strides.values())
        rows, columns = (max(0, cell - side) for side in image.shape[:2])
        outputs = self._read(self._maps, functional.pad(pixels, (0, columns, 0, rows)))
        return [outputs[layer][0].float().cpu().contiguous().numpy() for layer in self._layers]

    def descriptor(self, image: ImageArray, side_px: int) -> FeatureMap:
        """Image descriptor (channels,) of the image squeezed to a square."""
        squeezed = normalised(resized(image, Size(side_px, side_px)), self._pixels)
        (values,) = self._read(self._descriptor, squeezed).values()
        return np.asarray(
            values[0].flatten(1).mean(dim=1).float().cpu().numpy() if values.ndim == 4 else _vector(values)
        )

    @torch.inference_mode()
    def _read(self, network: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
        with autocast(self.precision, self.device):
            outputs: dict[str, Tensor] = network(pixels.to(self.device).contiguous(memory_format=torch.channels_last))
        return outputs

    def _probe(self) -> dict[str, Tensor]:
        return self._read(self._maps, torch.zeros(1, 3, PROBE_PX, PROBE_PX))

    def _stride(self, layer: str, values: Tensor) -> int:
        if values.ndim != 4 or values.shape[2] != values.shape[3] or PROBE_PX % values.shape[2]:
            raise ValueError(
                f"layer {layer!r} turns {PROBE_PX} x {PROBE_PX} pixels into shape {tuple(values.shape[1:])}; maps need "
                "(channels, height, width) and a stride that is a power of two"
            )
        return PROBE_PX // int(values.shape[2])


def _vector(values: Tensor) -> FeatureMap:
    return np.asarray(values[0].float().cpu().numpy())


def reader(network: nn.Module, layers: tuple[str, ...]) -> nn.Module:
    """Return the part of a network that computes the named layers by name, with the network's own tensors.

    Raises:
        ValueError: naming the layers that it lacks, and those on the uppermost levels that it has.
    """
    names = [name for name, _ in network.named_modules() if name]
    if unknown := [layer for layer in layers if layer not in names]:
        near = [name for name in names if name.count(".") < 2][:40]
        raise ValueError(f"the trunk has no layer(s) {unknown}; it has {', '.join(near)} and deeper ones")
    # only evaluation mode is ever used, so that training mode would take another way is no news
    extractor: nn.Module = create_feature_extractor(
        network, {layer: layer for layer in dict.fromkeys(layers)}, suppress_diff_warning=True
    )
    return extractor
