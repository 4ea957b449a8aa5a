"""Several linear layers at once on the same features: one for each learning rate."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.training.optimizer import learning_rate
from objectcrop.study.settings.runs import OptimizerSettings
from objectcrop.study.settings.tasks import LinearTask

INITIAL_DEVIATION = 0.01


class LinearLayers:
    """Layers with equal fresh weights, N(0, 0.01), bias 0, each trained by SGD at a learning rate of its own.

    With `probe: mlp` each has a hidden layer with a ReLU before it.

    Args:
        num_features: length of a feature vector.
        num_classes: outputs.
        task: its learning rates, one a layer, and how they fall. Labels: single takes softmax and cross-entropy over one class an
            image; multi a sigmoid and binary cross-entropy a class.
        seeds: what the fresh weights depend on.
        device: where the layers live.
    """

    def __init__(
        self, num_features: int, num_classes: int, task: LinearTask, *, seeds: Seeds, device: torch.device
    ) -> None:
        fresh = [part.to(device) for part in _fresh(num_features, num_classes, task, seeds)]
        self._task = task
        self.tensors = [[part.clone().requires_grad_() for part in fresh] for _ in task.learning_rates]
        groups = [
            {"params": tensors, "lr": rate} for tensors, rate in zip(self.tensors, task.learning_rates, strict=True)
        ]
        self.optimizer = torch.optim.SGD(
            groups,
            lr=task.learning_rates[0],
            momentum=task.momentum,
            nesterov=task.nesterov,
            weight_decay=task.weight_decay,
        )
        self._schedule = OptimizerSettings(
            epochs=task.epochs,
            learning_rate=1.0,
            schedule=task.schedule,
            decay_epochs=task.decay_epochs,
            decay_factor=task.decay_factor,
        )

    def set_step(self, step: int, steps_per_epoch: int) -> None:
        """Take the learning rates of a step, counted from 0."""
        factor = learning_rate(self._schedule, step, steps_per_epoch)
        for group, rate in zip(self.optimizer.param_groups, self._task.learning_rates, strict=True):
            group["lr"] = rate * factor

    def step(self, features: Tensor, targets: Tensor) -> list[float]:
        """Take one step of every layer; return its losses before the step.

        The layers share nothing, so the sum of their losses gives each its own gradient.

        Args:
            features: shape (n, num_features).
            targets: shape (n, classes), 0 or 1, float32; or shape (n,), int64, for one class an image.
        """
        loss_of = (
            functional.cross_entropy if self._task.labels == "single" else functional.binary_cross_entropy_with_logits
        )
        losses = [loss_of(logits, targets) for logits in self._logits(features)]
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return [loss.item() for loss in losses]

    def state_dict(self) -> dict[str, Any]:
        """Return the layers and where their optimizer stands; tensors are not copied."""
        tensors = [[part.detach() for part in tensors] for tensors in self.tensors]
        return {"tensors": tensors, "optimizer": self.optimizer.state_dict()}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for tensors, saved_tensors in zip(self.tensors, state["tensors"], strict=True):
            for part, saved in zip(tensors, saved_tensors, strict=True):
                part.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])

    @torch.no_grad()
    def scores(self, features: Tensor) -> Iterator["np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
        """Yield the logits of each layer, shape (n, classes)."""
        for logits in self._logits(features):
            yield logits.cpu().numpy()

    def _logits(self, features: Tensor) -> Iterator[Tensor]:
        for tensors in self.tensors:
            *hidden, weight, bias = tensors
            inputs = torch.addmm(hidden[1], features, hidden[0]).relu() if hidden else features
            yield torch.addmm(bias, inputs, weight)


def _fresh(num_features: int, num_classes: int, task: LinearTask, seeds: Seeds) -> list[Tensor]:
    """Return weight and bias of the layer, after those of the hidden layer of an MLP (He et al. 2015, arXiv:1502.01852)."""
    rng, tensors, width = seeds.generator("linear-layer"), [], num_features
    if task.probe == "mlp":
        width = task.hidden_dims
        hidden = rng.normal(0, (2 / num_features) ** 0.5, (num_features, width))
        tensors += [torch.from_numpy(hidden.astype(np.float32)), torch.zeros(width)]
    drawn = rng.normal(0, INITIAL_DEVIATION, (width, num_classes))
    return [*tensors, torch.from_numpy(drawn.astype(np.float32)), torch.zeros(num_classes)]
