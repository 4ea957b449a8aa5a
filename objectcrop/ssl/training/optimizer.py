"""The optimizers, and their learning rate by step."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

from objectcrop.runtime.transfer import send
from objectcrop.study.settings.runs import OptimizerSettings

Rule = Literal["lars", "larc"]
"""LARS as BYOL uses it, and LARC as SwAV does: SGD whose steps are scaled to each tensor's length."""


def learning_rate(settings: OptimizerSettings, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step, counted from 0: linear warm-up, then the schedule over what is left."""
    epoch, full = step / steps_per_epoch, settings.learning_rate
    if epoch < settings.warmup_epochs:
        start = settings.warmup_learning_rate
        return start + (full - start) * epoch / settings.warmup_epochs
    if settings.schedule == "constant":
        return full
    if settings.schedule == "step":
        return full * settings.decay_factor ** sum(epoch >= decay for decay in settings.decay_epochs)
    if settings.schedule == "cosine_per_epoch":
        epoch = max(float(math.floor(epoch)), settings.warmup_epochs)
    share = (epoch - settings.warmup_epochs) / (settings.epochs - settings.warmup_epochs)
    final = settings.final_learning_rate
    return final + (full - final) * 0.5 * (1 + math.cos(math.pi * share))


def build_optimizer(parameters: Iterable[nn.Parameter], settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Build SGD with weight decay on every parameter, as MoCo does, AdamW, LARS as BYOL's or LARC as SwAV's."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    rate, momentum, decay = settings.learning_rate, settings.momentum, settings.weight_decay
    # a kernel for all tensors of a GPU; the loop over them on a CPU, whose bits are in the golden files
    is_fused = True if all(parameter.is_cuda for parameter in trained) else None
    if settings.name == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=decay, fused=is_fused)
    if settings.name == "sgd":
        return torch.optim.SGD(trained, lr=rate, momentum=momentum, weight_decay=decay, fused=is_fused)
    return Lars(
        trained,
        learning_rate=rate,
        momentum=momentum,
        weight_decay=decay,
        trust_coefficient=settings.trust_coefficient,
        rule=settings.name,
    )


class Lars(torch.optim.Optimizer):
    """SGD with momentum over scaled gradients (You et al. 2017, arXiv:1708.03888).

    With g' = g + wd p, the step of a tensor p is p -= lr mu, mu = m mu + s g', where s is

    - `lars`: eta |p| / |g'|, and 1 if either is 0; biases and the weights of norm layers (tensors of one axis) have neither
      decay nor scale: s g' = g.
    - `larc`: eta |p| / (|g| + wd |p|) for every tensor, without a limit; s g' = g if either is 0.

    All tensors of a group are moved together, by a few operations whose number does not grow with that of the tensors.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        trust_coefficient: float,
        rule: Rule,
    ) -> None:
        tensors = list(parameters)
        plain = [parameter for parameter in tensors if rule == "lars" and parameter.dim() <= 1]
        scaled = [parameter for parameter in tensors if rule == "larc" or parameter.dim() > 1]
        groups = [
            {"params": scaled, "weight_decay": weight_decay, "is_scaled": True},
            {"params": plain, "weight_decay": 0.0, "is_scaled": False},
        ]
        defaults = {"lr": learning_rate, "momentum": momentum, "trust_coefficient": trust_coefficient}
        super().__init__([group for group in groups if group["params"]], defaults)
        self._scales = lars_scales if rule == "lars" else larc_scales
        self._spread: _Spread | None = None

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if parameters := [parameter for parameter in group["params"] if parameter.grad is not None]:
                self._move(parameters, group)
        return loss

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if group["is_scaled"]:
            decayed = torch._foreach_mul(parameters, group["weight_decay"])
            torch._foreach_add_(decayed, gradients)
            scales = self._scales(parameters, gradients, decayed, group["weight_decay"], group["trust_coefficient"])
            torch._foreach_mul_(decayed, self._spread_over(parameters, scales))
            gradients = list(decayed)
        velocities = [self._velocity(parameter) for parameter in parameters]
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(parameters, velocities, alpha=-group["lr"])

    def _velocity(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        velocity: Tensor = state["momentum_buffer"]
        return velocity

    def _spread_over(self, parameters: list[Tensor], scales: Tensor) -> list[Tensor]:
        """Return each tensor's scale in its shape: products of lists are one operation only where shapes are equal."""
        names = tuple(map(id, parameters))
        if self._spread is None or self._spread.names != names:  # SwAV's prototypes have no gradient in the first steps
            self._spread = _Spread.over(parameters, names)
        torch.index_select(scales, 0, self._spread.places, out=self._spread.values)
        return self._spread.views


class _Spread(NamedTuple):
    """Room for a number for each tensor, spread over the tensor's shape.

    Attributes:
        names: which tensors.
        places: the tensor's place for each number of all tensors, int32.
        values: the numbers, of all tensors one after the other.
        views: of these, in the tensors' shapes and strides.
    """

    names: tuple[int, ...]
    places: Tensor
    values: Tensor
    views: list[Tensor]

    @classmethod
    def over(cls, parameters: list[Tensor], names: tuple[int, ...]) -> "_Spread":
        """Make the room for tensors of one device and type."""
        first, sizes = parameters[0], [parameter.numel() for parameter in parameters]
        lengths = send(torch.tensor(sizes), first.device)
        places = torch.repeat_interleave(lengths, output_size=sum(sizes)).int()
        values = first.new_empty(sum(sizes))
        starts = accumulate(sizes, initial=0)
        views = [
            values.as_strided(parameter.shape, parameter.stride(), start)
            for parameter, start in zip(parameters, starts, strict=False)
        ]
        return cls(names, places, values, views)


def lars_scales(
    parameters: list[Tensor], gradients: list[Tensor], decayed: Sequence[Tensor], decay: float, trust: float
) -> Tensor:
    """Return what each decayed gradient is multiplied by: the ratio of lengths of parameter and decayed gradient, shape (n,)."""
    lengths, slopes = _lengths(parameters), _lengths(decayed)
    # no branch on a value: it would make the GPU wait
    return torch.where((lengths > 0) & (slopes > 0), trust * lengths / slopes, 1.0)


def larc_scales(
    parameters: list[Tensor], gradients: list[Tensor], decayed: Sequence[Tensor], decay: float, trust: float
) -> Tensor:
    """Return what each decayed gradient is multiplied by: the parameter's length over the sum of both parts' lengths, (n,).

    Without any gradient the decayed one is dropped; a parameter of length 0 has no decay, and its gradient stays as it is.
    """
    lengths, slopes = _lengths(parameters), _lengths(gradients)
    scales = torch.where(lengths == 0, 1.0, trust * lengths / (slopes + decay * lengths))
    return torch.where(slopes == 0, 0.0, scales)


def _lengths(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(list(tensors)))
