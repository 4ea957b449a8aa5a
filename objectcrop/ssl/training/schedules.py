"""Learning rate and target momentum by step, and the optimizers."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from objectcrop.ssl.training.lars import Lars
from objectcrop.study.settings.runs import OptimizerSettings


def learning_rate(settings: OptimizerSettings, step: int, steps_per_epoch: int) -> float:
    """Learning rate of a step, counted from 0: linear warm-up, then the schedule over what is left."""
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
    """SGD with weight decay on every parameter, as MoCo does, AdamW, LARS as BYOL's or LARC as SwAV's."""
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
