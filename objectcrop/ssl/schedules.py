"""Learning rate by step, and the optimizers."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from objectcrop.study.runs import OptimizerSettings


def learning_rate(settings: OptimizerSettings, step: int, steps_per_epoch: int) -> float:
    """Learning rate of a step, counted from 0: linear warm-up from zero, then the schedule over what is left."""
    epoch = step / steps_per_epoch
    if epoch < settings.warmup_epochs:
        return settings.learning_rate * epoch / settings.warmup_epochs
    if settings.schedule == "constant":
        return settings.learning_rate
    if settings.schedule == "cosine_per_epoch":
        epoch = max(float(math.floor(epoch)), settings.warmup_epochs)
    share = (epoch - settings.warmup_epochs) / (settings.epochs - settings.warmup_epochs)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def build_optimizer(parameters: Iterable[nn.Parameter], settings: OptimizerSettings) -> torch.optim.Optimizer:
    """SGD with weight decay on every parameter, as MoCo does, or AdamW.

    Raises:
        ValueError: for an optimizer that is not there yet.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if settings.name == "adamw":
        return torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    if settings.name == "sgd":
        rate, momentum, decay = settings.learning_rate, settings.momentum, settings.weight_decay
        return torch.optim.SGD(trained, lr=rate, momentum=momentum, weight_decay=decay)
    raise ValueError(f"optimizer {settings.name!r} is not implemented yet; choose 'sgd' or 'adamw'")
