"""Several linear layers at once on the same features: one for each learning rate."""

from collections.abc import Mapping
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
        drawn = seeds.generator("linear-layer").normal(0, INITIAL_DEVIATION, (num_features, num_classes))
        fresh = torch.from_numpy(drawn.astype(np.float32)).to(device)
        self._task = task
        self.weights = [fresh.clone().requires_grad_() for _ in task.learning_rates]
        self.biases = [torch.zeros(num_classes, device=device, requires_grad=True) for _ in task.learning_rates]
        groups = [
            {"params": [weight, bias], "lr": rate}
            for weight, bias, rate in zip(self.weights, self.biases, task.learning_rates, strict=True)
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
        tensors = {"weights": self.weights, "biases": self.biases}
        return {name: [value.detach() for value in values] for name, values in tensors.items()} | {
            "optimizer": self.optimizer.state_dict()
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for name in ("weights", "biases"):
            for value, saved in zip(getattr(self, name), state[name], strict=True):
                value.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])

    @torch.no_grad()
    def scores(self, features: Tensor) -> list["np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
        """Return the logits of each layer, shape (n, classes)."""
        return [logits.cpu().numpy() for logits in self._logits(features)]

    def _logits(self, features: Tensor) -> list[Tensor]:
        return [torch.addmm(bias, features, weight) for weight, bias in zip(self.weights, self.biases, strict=True)]
