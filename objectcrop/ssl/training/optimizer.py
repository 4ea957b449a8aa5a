"""The optimizers, and their learning rate by step."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

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
    if settings.name == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=decay)
    if settings.name == "sgd":
        return torch.optim.SGD(trained, lr=rate, momentum=momentum, weight_decay=decay)
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
        self._scaled = scaled_by_lars if rule == "lars" else scaled_by_larc

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
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        if group["is_scaled"]:
            gradient = self._scaled(parameter, gradient, group["weight_decay"], group["trust_coefficient"])
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        velocity = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        parameter.add_(velocity, alpha=-group["lr"])


def scaled_by_lars(parameter: Tensor, gradient: Tensor, weight_decay: float, trust_coefficient: float) -> Tensor:
    """Return the decayed gradient, scaled by the ratio of lengths of parameter and decayed gradient."""
    decayed = gradient + weight_decay * parameter
    length, slope = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(decayed)
    # no branch on a value: it would make the GPU wait
    return decayed * torch.where((length > 0) & (slope > 0), trust_coefficient * length / slope, 1.0)


def scaled_by_larc(parameter: Tensor, gradient: Tensor, weight_decay: float, trust_coefficient: float) -> Tensor:
    """Return the decayed gradient, scaled by the parameter's length over the sum of both parts' lengths."""
    length, slope = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(gradient)
    scale = trust_coefficient * length / (slope + weight_decay * length)
    return torch.where((length > 0) & (slope > 0), (gradient + weight_decay * parameter) * scale, gradient)
