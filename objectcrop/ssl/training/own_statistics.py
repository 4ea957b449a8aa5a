"""What each process has for itself of a method: the running statistics of batch norm, which are of its own batches."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def own_statistics(method: nn.Module) -> Tensor:
    """All running statistics in a row, shape (1, n), float64 (exact for float32, and for counts)."""
    return torch.cat([torch.zeros(0, dtype=torch.float64), *(b.double().flatten().cpu() for b in _buffers(method))])[
        None
    ]


def restore_statistics(method: nn.Module, saved: Tensor) -> None:
    """Set them from a row of `own_statistics`, shape (n,).

    Raises:
        ValueError: if it is of another network.
    """
    buffers = _buffers(method)
    total = sum(buffer.numel() for buffer in buffers)
    if saved.numel() != total:
        raise ValueError(f"{saved.numel()} running statistics were saved, the networks have {total}")
    for buffer, part in zip(buffers, torch.split(saved, [buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(part.reshape(buffer.shape))


def _buffers(method: nn.Module) -> list[Tensor]:
    norms = [module for module in method.modules() if isinstance(module, _BatchNorm)]
    return [buffer for norm in norms for buffer in norm.buffers()]
