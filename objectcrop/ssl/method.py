"""What the training loop asks of a method."""

from typing import Any, NamedTuple

from torch import Tensor, nn

from objectcrop.ssl.backbones import Backbone


class StepLosses(NamedTuple):
    """What one step gives: the loss to descend, and scalars to log by name (without gradient)."""

    total: Tensor
    parts: dict[str, Tensor]


class Method(nn.Module):
    """A way of training a backbone. Its `state_dict` is all that training needs to go on, but for the optimizer's."""

    @property
    def backbone(self) -> Backbone:
        """The trunk that is trained, and kept in the end."""
        raise NotImplementedError

    def step_losses(self, batch: Any, step: int) -> StepLosses:
        """Losses of a batch on the device; may change what is no parameter (key encoder, queue)."""
        raise NotImplementedError
