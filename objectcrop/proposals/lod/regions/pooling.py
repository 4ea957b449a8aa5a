"""Features of regions: RoI max pooling, scaling by the image's maximum, random projection (spec of LOD, 3 and 13b)."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops import pooling as pooling_loops

Ints = NDArray[np.int64]


def pool_regions(
    features: NDArray[np.float32], boxes: NDArray[np.int64], *, stride_px: int, grid: int = 7
) -> NDArray[np.float32]:
    """RoIPool (max) of each box as torchvision has it, to the bit, shape (boxes, channels * grid * grid).

    Args:
        features: map (channels, height, width).
        boxes: half-open pixels: the released shift of x1 and y1 alone is exactly this.
        stride_px: pixels per cell.
        grid: bins a side.
    """
    rows, columns = (
        _bin_spans(boxes[:, axis], boxes[:, axis + 2], cells, stride_px, grid)
        for axis, cells in ((1, features.shape[1]), (0, features.shape[2]))
    )
    cells = np.ascontiguousarray(features.transpose(1, 2, 0), dtype=np.float32)
    pooled = pooling_loops.pool(cells, np.concatenate([rows, columns], axis=2), grid)
    return pooled.reshape(len(boxes), len(features) * grid**2)


def _bin_spans(low_px: Ints, high_px: Ints, num_cells: int, stride_px: int, grid: int) -> Ints:
    """First cell and one past the last of every bin of one axis, shape (boxes, bins, 2), in torchvision's arithmetic."""
    scale = np.float32(1 / stride_px)
    low, high = (np.floor(ends.astype(np.float32) * scale + np.float32(0.5)) for ends in (low_px, high_px))
    step = np.maximum(high - low + 1, 1)[:, None] / np.float32(grid)
    bins = np.arange(grid, dtype=np.float32)
    spans = np.stack([np.floor(bins * step), np.ceil((bins + 1) * step)], axis=2) + low[:, None, None]
    return np.asarray(np.clip(spans, 0, num_cells), dtype=np.int64)


def scale_to_one(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide by the greatest value of all regions of the image; features of zeros stay (mode '01')."""
    greatest = features.max(initial=0)
    return features / greatest if greatest > 0 else features


def random_projection(num_inputs: int, num_outputs: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Gaussian matrix (inputs, outputs) over sqrt(outputs): dot products are kept on average."""
    drawn = rng.standard_normal((num_inputs, num_outputs), dtype=np.float32)
    return np.asarray(drawn / np.float32(np.sqrt(num_outputs)))
