"""Luminance and chrominance of normalised RGB images, as CMC's two views (Tian et al. 2020, arXiv:1906.05849)."""

from typing import Literal

import torch
from torch import Tensor, nn

from objectcrop.views.normalisation import DEVIATION, MEAN

NUM_CHANNELS = (1, 2)
"""Of luminance and of chrominance."""

_CENTRES = {"ycbcr": (116.151, 121.080, 132.342), "lab": (50.0, 6.025, -6.69)}
_RANGES = {"ycbcr": (109.5, 111.855, 111.964), "lab": (50.0, 92.2, 101.2)}
"""What CMC subtracts and divides by."""

_YCBCR = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_YCBCR_OFFSETS = (16.0, 128.0, 128.0)
"""ITU-R BT.601, luminance 16 to 235, of RGB in 0 to 1."""

_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
"""Linear sRGB to CIE XYZ, and the white point D65."""


class ColorSplit(nn.Module):
    """Split images into luminance and chrominance, scaled as CMC does; without parameters or state."""

    def __init__(self, space: Literal["ycbcr", "lab"]) -> None:
        super().__init__()
        self.space = space

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Luminance, shape (N, 1, H, W), and chrominance, shape (N, 2, H, W), of images normalised as ImageNet's."""
        rgb = images * _column(DEVIATION, images) + _column(MEAN, images)
        values = rgb_to_ycbcr(rgb) if self.space == "ycbcr" else rgb_to_lab(rgb)
        scaled = (values - _column(_CENTRES[self.space], images)) / _column(_RANGES[self.space], images)
        return scaled[:, :1], scaled[:, 1:]


def rgb_to_ycbcr(images: Tensor) -> Tensor:
    """RGB in 0 to 1, shape (N, 3, H, W), to Y (16 to 235), Cb and Cr (16 to 240)."""
    return _mixed(images, _YCBCR) + _column(_YCBCR_OFFSETS, images)


def rgb_to_lab(images: Tensor) -> Tensor:
    """SRGB in 0 to 1, shape (N, 3, H, W), to CIE L (0 to 100), a and b, under D65."""
    images = images.clamp(0, 1)
    linear = torch.where(images <= 0.04045, images / 12.92, ((images + 0.055) / 1.055) ** 2.4)
    ratios = _mixed(linear, _XYZ) / _column(_WHITE, images)
    limit = (6 / 29) ** 3
    roots = torch.where(ratios > limit, ratios.clamp(min=limit) ** (1 / 3), ratios / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = roots.split(1, dim=1)  # type: ignore[no-untyped-call]
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def _mixed(images: Tensor, rows: tuple[tuple[float, ...], ...]) -> Tensor:
    # in full precision also under autocast, which would round a product of matrices
    mixed = [sum(weight * images[:, c : c + 1] for c, weight in enumerate(row)) for row in rows]
    return torch.cat([torch.as_tensor(values) for values in mixed], dim=1)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    # filled on the device: a copy from the host would be waited for
    filled = [torch.full((1, 1, 1, 1), value, dtype=like.dtype, device=like.device) for value in values]
    return torch.cat(filled, dim=1)
