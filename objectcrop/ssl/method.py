"""What the training loop asks of a method."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor, nn

from objectcrop.ssl.backbones import Backbone


class StepLosses(NamedTuple):
    """What one step gives: the loss to descend, and scalars to log by name (without gradient)."""

    total: Tensor
    parts: dict[str, Tensor]


class Method(nn.Module, ABC):
    """A way of training a backbone. Its `state_dict` is all that training needs to go on, but for the optimizer's."""

    @property
    @abstractmethod
    def backbone(self) -> Backbone:
        """The trunk that is trained, and kept in the end."""

    @abstractmethod
    def step_losses(self, batch: Any, step: int) -> StepLosses:
        """Losses of a batch on the device; may change what is no parameter (key encoder, queue)."""
