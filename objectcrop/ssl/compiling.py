"""torch.compile, for the trunks alone: heads are small, losses and queues change shape and state."""

from torch import nn

from objectcrop.ssl.backbones import Backbone


def compile_trunks(method: nn.Module) -> int:
    """Compile each trunk of a method in place, at its first use; names in its state stay. Returns how many there are."""
    trunks = [module for module in method.modules() if isinstance(module, Backbone)]
    for trunk in trunks:
        trunk.compile()
    return len(trunks)
