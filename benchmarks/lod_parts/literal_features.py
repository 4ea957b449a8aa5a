"""Features of regions as the release takes them: each bin of each box pooled by itself (torchvision), then scaled to one."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import roi_pool

STRIDE_PX = 16


def literal_features(features: NDArray[np.float32], boxes: NDArray[np.int64], grid: int) -> NDArray[np.float32]:
    """Shape (boxes, channels * grid * grid).

    Args:
        features: map (channels, height, width) of stride 16.
        boxes: half-open pixels.
        grid: bins a side.
    """
    rois = torch.from_numpy(np.concatenate([np.zeros((len(boxes), 1)), boxes], axis=1)).float()
    pooled = roi_pool(torch.from_numpy(features)[None], rois, output_size=grid, spatial_scale=1 / STRIDE_PX)
    return np.asarray((pooled / pooled.max()).flatten(1).numpy())
