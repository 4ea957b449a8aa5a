"""EMA updates: how a key encoder or a target network follows the network that is trained."""

import math

import torch
from torch import nn


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """Set each parameter p of the slow network to m p + (1 - m) times the fast one's; buffers stay as they are."""
    slowly = [parameter.detach() for parameter in slow.parameters()]
    fastly = [parameter.detach() for parameter in fast.parameters()]
    torch._foreach_lerp_(slowly, fastly, 1 - momentum)


def target_momentum(base: float, step: int, total_steps: int) -> float:
    """The momentum of a step, counted from 0: from `base` to 1 along a cosine (Grill et al. 2020, section 3.2)."""
    return 1 - (1 - base) * 0.5 * (1 + math.cos(math.pi * step / total_steps))
