"""Tensors on their way to the device without a wait of the host."""

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """Return the tensor on a device; the host does not wait.

    A GPU reads what is pinned by itself; of other memory the host would wait for the copy.
    """
    if device.type == "cuda" and values.device.type == "cpu" and not values.is_pinned():
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
