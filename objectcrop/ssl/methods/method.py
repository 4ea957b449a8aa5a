"""What every method is: what it is made from, what the training loop asks of it, and what its steps share."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from objectcrop.networks.backbones import Backbone, build_backbone
from objectcrop.networks.weights import InitialWeights, load_weights
from objectcrop.runtime.distributed import World, in_parallel
from objectcrop.runtime.precision import autocast
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.losses.object_aware import NO_LOGITS, ExtraHeads, ExtraLogits, add_extra_losses, rotate_objects
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch


class Setup(NamedTuple):
    """What every method is made from.

    Attributes:
        run: its settings.
        seeds: of the study and of the run.
        world: the processes.
        num_samples: samples of an epoch: training images, or boxes.
        labels: of the training images, for supervised runs: class indices, shape (N,), or 0 and 1, shape (N, classes).
        initial: weights that every trunk starts from; None leaves them fresh.
    """

    run: Run
    seeds: Seeds
    world: World
    num_samples: int
    labels: Tensor | None = None
    initial: InitialWeights | None = None

    def build_trunk(self, batch_norm_group: int | None = None, *, is_global: bool = False) -> Backbone:
        """Build the run's trunk with fresh weights (see `build_backbone`), or the initial ones; the same numbers are drawn."""
        trunk = build_backbone(self.run.backbone, batch_norm_group, is_global=is_global)
        if self.initial is not None:
            load_weights(trunk, self.initial)
        return trunk

    def build_extra_heads(self, num_features: int) -> ExtraHeads:
        """Make the heads of the extra losses that are on, for a trunk of `num_features`."""
        return ExtraHeads(num_features, self.run.losses)


class Outputs(NamedTuple):
    """What a network makes of a batch: what the method's own loss takes, and logits of the extra losses."""

    own: Any
    extra: ExtraLogits = NO_LOGITS


class StepLosses(NamedTuple):
    """Losses of one step: the one to descend, and scalars to log by name (without gradient)."""

    total: Tensor
    parts: dict[str, Tensor]


class TrunkPasses(NamedTuple):
    """Passes of an image through the trunk with gradient in a step, by the size of what passes.

    Attributes:
        large: views.
        small: small crops.
        whole: views of the whole image, where they have a size of their own.
    """

    large: int
    small: int
    whole: int = 0


class Method(nn.Module, ABC):
    """A way of training a backbone. Its `state_dict` is all that training needs to resume, but for the optimizer's.

    A constructor takes a `Setup`, makes the networks with weights from torch's global generator, and ends with `settle`.

    Attributes:
        network: all that is trained by gradients, called with a batch, returns `Outputs`; its `backbone` is the trunk.
        shuffles_keys: whether keys are encoded among other images than their queries (`training.shuffle`).
    """

    shuffles_keys: ClassVar[bool] = False
    network: nn.Module

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.run, self.seeds, self.world = setup.run, setup.seeds, setup.world

    def settle(self) -> None:
        """Move all networks to the device, and average the gradients of `network` over the processes."""
        self.to(self.world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # kept out of the modules: the state must not depend on how many processes there are
        is_static = self.run.training.accumulation_steps == 1
        self._callable = (in_parallel(self.network, self.world, is_static=is_static),)

    @property
    def backbone(self) -> Backbone:
        """The trunk that is trained, and kept in the end."""
        trunk = self.network.backbone
        assert isinstance(trunk, Backbone)
        return trunk

    def step_losses(self, batch: Any, step: int) -> StepLosses:
        """Return the losses of a batch on the device; may change what is no parameter (key encoder, queue)."""
        if self.run.losses.rotate_contrastive and isinstance(batch, PairBatch):
            batch = rotate_objects(batch)
        beside = self.before_network(batch, step)
        with self.autocast():
            outputs: Outputs = self._callable[0](batch, **beside)
        own = self.own_losses(outputs.own, batch, step)
        total, more = add_extra_losses(own.total, outputs.extra, batch, self.run.losses)
        return StepLosses(total, {"loss": total.detach(), **own.parts, **more})

    def before_network(self, batch: Any, step: int) -> dict[str, Tensor]:
        """Return what the network takes by name beside the batch."""
        return {}

    @abstractmethod
    def own_losses(self, outputs: Any, batch: Any, step: int) -> StepLosses:
        """Return the method's own loss and its parts, of `Outputs.own`."""

    def autocast(self) -> torch.autocast:
        """Return the context that the networks compute in; losses stay outside."""
        return autocast(self.run.optimizer.precision, self.world.device)

    def before_optimizer(self, step: int) -> None:
        """Called between the backward pass and the optimizer's step; may drop gradients (SwAV's frozen prototypes)."""
        return

    def after_step(self, step: int, total_steps: int) -> None:
        """Make updates after the optimizer's step, counted from 0 of `total_steps` (the EMA of BYOL's target network)."""
        return

    def compile_trunks(self) -> int:
        """Compile each trunk in place, at its first use; names in the state stay. Return how many there are.

        Heads are small, and losses and queues change shape and state: they stay as they are.
        """
        trunks = [module for module in self.modules() if isinstance(module, Backbone)]
        for trunk in trunks:
            # the map and not the pooled features: DenseCL reads the map alone, and pooling is nothing
            trunk.forward_map = torch.compile(trunk.forward_map)  # type: ignore[method-assign]
        return len(trunks)

    @classmethod
    def sees_both_views(cls, run: Run) -> bool:
        """Return whether the method's own loss sends gradient through both views of a sample."""
        return False

    @classmethod
    def count_passes(cls, run: Run) -> TrunkPasses:
        """Count the trunk's passes with gradient: own views, the other view's, the rotated view's, the whole image's."""
        losses, small = run.losses, run.views.small_crops
        is_on = bool(losses.rotation or losses.localization)
        key = cls.sees_both_views(run) or (is_on and losses.key_features == "trained")
        rotated = bool(losses.rotation) and not losses.rotate_contrastive
        whole, has_own_size = bool(losses.localization), losses.whole_size_px is not None
        large = 1 + key + rotated + (whole and not has_own_size)
        return TrunkPasses(large, 0 if small is None else small.count, int(whole and has_own_size))

    @classmethod
    def count_logits(cls, run: Run, num_images: int, positions: int) -> int:
        """Count the logits of a process's images against a queue or a bank that softmax saves.

        Args:
            run: its settings.
            num_images: of the process.
            positions: of the trunk's last map.
        """
        return 0

    @classmethod
    def find_warnings(cls, run: Run, *, num_images: int, world_size: int) -> list[str]:
        """List what is allowed, and worth a warning."""
        return []


@torch.no_grad()
def ema_update(average: nn.Module, source: nn.Module, momentum: float) -> None:
    """Set each parameter p of the average to m p + (1 - m) times the source's; buffers stay as they are."""
    means = [parameter.detach() for parameter in average.parameters()]
    values = [parameter.detach() for parameter in source.parameters()]
    torch._foreach_lerp_(means, values, 1 - momentum)
