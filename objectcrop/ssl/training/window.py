"""What steps gave, left on the device until the log needs it, so that training waits for the device once a log window."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from objectcrop.ssl.methods.method import StepLosses


class Given(NamedTuple):
    """What one step gave."""

    step: int
    rows: list[int]  # of its images
    names: tuple[str, ...]
    values: Tensor  # the total loss, then one value for each name


class Window:
    """Losses of the steps that are not checked yet."""

    def __init__(self) -> None:
        self._given: list[Given] = []

    def add(self, step: int, rows: list[int], losses: StepLosses) -> None:
        """Keep what a step gave, without waiting for the device."""
        values = torch.stack(
            [losses.total.detach().float(), *(value.detach().float() for value in losses.parts.values())]
        )
        self._given.append(Given(step, rows, tuple(losses.parts), values))

    def take(self, picture_ids: Sequence[str]) -> list[dict[str, float]]:
        """The values of each step by name; the window is empty then. One wait for the device, however many steps.

        Raises:
            ValueError: if a total loss is not finite, with the first such step and its images.
        """
        given, self._given = self._given, []
        if not given:
            return []
        flat = iter(torch.cat([step.values for step in given]).tolist())
        found = []
        for step in given:
            total = next(flat)
            if not math.isfinite(total):
                raise ValueError(_not_finite(step, total, picture_ids))
            found.append({name: next(flat) for name in step.names})
        return found


def _not_finite(given: Given, total: float, picture_ids: Sequence[str]) -> str:
    names = [picture_ids[row] for row in given.rows]
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return (
        f"the loss of step {given.step} is {total} (images {shown}); lower the learning rate, or use precision float32"
    )
