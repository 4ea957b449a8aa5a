"""The key encoder: a copy that follows the query encoder slowly and gets no gradient."""

import copy
import math

import torch
from torch import nn


class MomentumPair:
    """A query encoder and its key encoder (He et al. 2020).

    Both keep batch norm buffers of their own: the key encoder's come from its own forward passes.

    Attributes:
        query: trained by gradients.
        key: an exact copy at first.
        momentum: the paper's m, usually 0.999.
    """

    def __init__(self, query: nn.Module, momentum: float) -> None:
        self.query = query
        self.key = copy.deepcopy(query).requires_grad_(False)
        self.momentum = momentum

    def update(self) -> None:
        """Set key to m key + (1 - m) query, parameters only, in the parameters' own precision."""
        follow(self.key, self.query, self.momentum)


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """Set each parameter p of the slow network to m p + (1 - m) times the fast one's; buffers stay as they are."""
    slowly = [parameter.detach() for parameter in slow.parameters()]
    fastly = [parameter.detach() for parameter in fast.parameters()]
    torch._foreach_lerp_(slowly, fastly, 1 - momentum)


def target_momentum(base: float, step: int, total_steps: int) -> float:
    """The momentum of a step, counted from 0: from `base` to 1 along a cosine (Grill et al. 2020, section 3.2)."""
    return 1 - (1 - base) * 0.5 * (1 + math.cos(math.pi * step / total_steps))
