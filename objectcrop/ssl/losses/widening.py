"""The precision that losses are computed in."""

import torch
from torch import Tensor


def widened(values: Tensor) -> Tensor:
    """Narrow floats as float32; float64 stays as it is."""
    return values if values.dtype == torch.float64 else values.float()
