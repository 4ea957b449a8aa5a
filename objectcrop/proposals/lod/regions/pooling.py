"""Features of regions: RoI max pooling, scaling by the image's maximum, random projection (spec of LOD, 3 and 13b).

Boxes of one image share bins: those that grew from one peak, and all that have a side in common. A bin is pooled once.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.proposals.loops import pooling as pooling_loops

Ints = NDArray[np.int64]
Features = NDArray[np.float32]


class Bins(NamedTuple):
    """What the bins of an image's boxes hold, each bin once."""

    pooled: Features
    """Greatest value of every channel, shape (bins, channels); 0 in empty bins."""
    places: Ints
    """The bin at each place of each box, row by row, shape (boxes, grid * grid)."""


def pool_bins(features: Features, boxes: Ints, *, stride_px: int, grid: int) -> Bins:
    """Pool each bin of the boxes; arguments as those of `pool_regions`."""
    _, height, width = features.shape
    rows, columns = (
        _bin_spans(boxes[:, axis], boxes[:, axis + 2], cells, stride_px, grid)
        for axis, cells in ((1, height), (0, width))
    )
    # one number a bin: first row, row past the last, first column, column past the last
    numbers = (rows[..., 0] * (height + 1) + rows[..., 1])[:, :, None] * (width + 1) ** 2
    numbers = numbers + (columns[..., 0] * (width + 1) + columns[..., 1])[:, None, :]
    distinct, places = np.unique(numbers, return_inverse=True)
    spans = np.stack(np.unravel_index(distinct, (height + 1, height + 1, width + 1, width + 1)), axis=1)
    cells = np.ascontiguousarray(features.transpose(1, 2, 0), dtype=np.float32)
    return Bins(pooling_loops.pool(cells, spans), places.reshape(len(boxes), grid**2))


def pool_regions(features: Features, boxes: Ints, *, stride_px: int, grid: int = 7) -> Features:
    """RoIPool (max) of each box as torchvision has it, to the bit, shape (boxes, channels * grid * grid).

    Args:
        features: map (channels, height, width).
        boxes: half-open pixels: the released shift of x1 and y1 alone is exactly this.
        stride_px: pixels per cell.
        grid: bins a side.
    """
    bins = pool_bins(features, boxes, stride_px=stride_px, grid=grid)
    return pooling_loops.by_channel(*bins).reshape(len(boxes), len(features) * grid**2)


def _bin_spans(low_px: Ints, high_px: Ints, num_cells: int, stride_px: int, grid: int) -> Ints:
    """First cell and one past the last of every bin of one axis, shape (boxes, bins, 2), in torchvision's arithmetic."""
    scale = np.float32(1 / stride_px)
    low, high = (np.floor(ends.astype(np.float32) * scale + np.float32(0.5)) for ends in (low_px, high_px))
    step = np.maximum(high - low + 1, 1)[:, None] / np.float32(grid)
    bins = np.arange(grid, dtype=np.float32)
    spans = np.stack([np.floor(bins * step), np.ceil((bins + 1) * step)], axis=2) + low[:, None, None]
    return np.asarray(np.clip(spans, 0, num_cells), dtype=np.int64)


def scale_to_one(features: Features) -> Features:
    """Divide by the greatest value of all regions of the image; features of zeros stay (mode '01')."""
    greatest = features.max(initial=0)
    return features / greatest if greatest > 0 else features


def random_projection(num_inputs: int, num_outputs: int, rng: np.random.Generator) -> Features:
    """Gaussian matrix (inputs, outputs) over sqrt(outputs): dot products are kept on average."""
    drawn = rng.standard_normal((num_inputs, num_outputs), dtype=np.float32)
    return np.asarray(drawn / np.float32(np.sqrt(num_outputs)))


def by_place(
    projection: Features, num_places: int, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return a projection of pooled features as a matrix for each place of the grid, shape (places, channels, outputs).

    Args:
        projection: as `random_projection` gives it, the places of a channel together.
        num_places: grid * grid.
        device: where features are to be projected.
        dtype: what they are to be projected in.
    """
    matrices = torch.from_numpy(projection).reshape(-1, num_places, projection.shape[1])
    return matrices.transpose(0, 1).to(dtype).contiguous().to(device)


def projected(bins: Bins, projection: Tensor) -> Features:
    """Return features of regions scaled to one, then projected, shape (boxes, outputs).

    It is `scale_to_one(pool_regions(...)) @ projection` with the sum taken in another order: place by place, so that
    features are never laid out whole.

    Args:
        bins: of the boxes.
        projection: as `by_place` gives it; features are projected on its device and in its precision.
    """
    pooled = torch.from_numpy(bins.pooled).to(projection)
    places = torch.from_numpy(bins.places).to(projection.device)
    num_boxes, num_places = places.shape
    sums = torch.zeros(num_boxes, projection.shape[2], device=projection.device)
    # a row of the grid at a time: few products, and what they read stays small
    step = math.isqrt(num_places)
    rows = pooled.new_empty(num_boxes * step, pooled.shape[1])
    for first in range(0, num_places, step):
        torch.index_select(pooled, 0, places[:, first : first + step].flatten(), out=rows)
        sums += rows.view(num_boxes, step * pooled.shape[1]) @ projection[first : first + step].flatten(0, 1)
    greatest = float(bins.pooled.max(initial=0))
    return np.asarray((sums / greatest if greatest > 0 else sums).cpu().numpy())
