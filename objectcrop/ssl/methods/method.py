"""What the training loop asks of a method."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from objectcrop.runtime.distributed import World, in_parallel
from objectcrop.runtime.precision import autocast
from objectcrop.ssl.networks.backbones import Backbone
from objectcrop.study.settings.runs import Run


class StepLosses(NamedTuple):
    """What one step gives: the loss to descend, and scalars to log by name (without gradient)."""

    total: Tensor
    parts: dict[str, Tensor]


class Method(nn.Module, ABC):
    """A way of training a backbone. Its `state_dict` is all that training needs to go on, but for the optimizer's."""

    def _settle(self, network: nn.Module, world: World) -> None:
        """Move all networks to the device; `_forward` then calls the one whose gradients are averaged over the processes."""
        self.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # kept out of the modules: the state must not depend on how many processes there are
        self._callable = (in_parallel(network, world),)

    def _forward(self, batch: Any) -> Any:
        return self._callable[0](batch)

    @property
    @abstractmethod
    def backbone(self) -> Backbone:
        """The trunk that is trained, and kept in the end."""

    @abstractmethod
    def step_losses(self, batch: Any, step: int) -> StepLosses:
        """Losses of a batch on the device; may change what is no parameter (key encoder, queue)."""

    def before_optimizer(self, step: int) -> None:
        """Called between the backward pass and the optimizer's step; may drop gradients (SwAV's frozen prototypes)."""
        return

    def after_step(self, step: int, total_steps: int) -> None:
        """Called after the optimizer's step, counted from 0, of so many; moves what follows it (BYOL's target network)."""
        return


def precision(run: Run, world: World) -> torch.autocast:
    """What the networks of a run compute in; losses stay outside."""
    return autocast(run.optimizer.precision, world.device)
