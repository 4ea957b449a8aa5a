"""torch.compile, for the trunks alone: heads are small, losses and queues change shape and state."""

import torch
from torch import nn

from objectcrop.ssl.networks.backbones import Backbone


def compile_trunks(method: nn.Module) -> int:
    """Compile each trunk of a method in place, at its first use; names in its state stay. Returns how many there are."""
    trunks = [module for module in method.modules() if isinstance(module, Backbone)]
    for trunk in trunks:
        # the map and not the pooled features: DenseCL reads the map alone, and pooling is nothing
        trunk.forward_map = torch.compile(trunk.forward_map)  # type: ignore[method-assign]
    return len(trunks)
