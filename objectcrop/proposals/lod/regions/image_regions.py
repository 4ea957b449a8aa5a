"""The arrays of an image's regions, between the stages of LOD."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size


class Regions(NamedTuple):
    """Region proposals of an image, sorted by (x1, y1, x2, y2), so that the whole image comes first."""

    boxes: NDArray[np.int64]
    """Shape (n, 4), half-open pixels of the image the trunk saw."""
    roots: NDArray[np.int64]
    """Shape (n,): the cell of the layer's map that the box grew from."""
    layers: NDArray[np.int64]
    """Shape (n,): 0 for the finer layer, 1 for the coarser one."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """Equal for boxes that grew from the same cell of the same layer."""
        return self.layers * 1_000_000 + self.roots


class ImageRegions(NamedTuple):
    """One image after its features were taken."""

    size: Size
    """Of the reduced image that the boxes are for."""
    descriptor: NDArray[np.float32]
    """Shape (channels,)."""
    regions: Regions
    features: NDArray[np.float32]
    """Shape (regions, dimensions): scaled to a maximum of 1 over the image, then projected where asked."""
