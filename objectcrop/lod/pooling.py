"""Features of regions: RoI max pooling, scaling by the picture's maximum, random projection (spec of LOD, 3 and 13b)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import roi_pool


def pool_regions(
    features: NDArray[np.float32], boxes: NDArray[np.int64], *, stride_px: int, grid: int = 7
) -> NDArray[np.float32]:
    """RoIPool (max) of each box, shape (boxes, channels * grid * grid).

    Args:
        features: map (channels, height, width).
        boxes: half-open pixels: the released shift of x1 and y1 alone is exactly this.
        stride_px: pixels per cell.
        grid: bins a side.
    """
    rois = torch.cat([torch.zeros(len(boxes), 1), torch.from_numpy(boxes.astype(np.float32))], dim=1)
    pooled = roi_pool(torch.from_numpy(features)[None], rois, output_size=grid, spatial_scale=1 / stride_px)
    return np.asarray(pooled.flatten(1).numpy())


def scale_to_one(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide by the greatest value of all regions of the picture; features of zeros stay (mode '01')."""
    greatest = features.max(initial=0)
    return features / greatest if greatest > 0 else features


def random_projection(num_inputs: int, num_outputs: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Gaussian matrix (inputs, outputs) over sqrt(outputs): dot products are kept on average."""
    drawn = rng.standard_normal((num_inputs, num_outputs), dtype=np.float32)
    return np.asarray(drawn / np.float32(np.sqrt(num_outputs)))
