"""Means of the metrics over the steps since the last line of the log, and over all processes."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from objectcrop.runtime.distributed import World


class Averages:
    """Sum and count of the finite values of each metric, of this process alone until `take`.

    A metric has its place from its first value on, finite or not: which names there are depends on the method and the
    steps alone, so all processes exchange tensors of one shape.
    """

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the metrics that were added, sorted: the columns of `own`."""
        return sorted(self._sums)

    def add(self, values: Mapping[str, float]) -> None:
        """Add the values of a step by name; one that is not finite (a mean over no pairs) counts for nothing."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1) if math.isfinite(value) else (total, count)

    def own(self) -> Tensor:
        """Return the sums of this process, then its counts, shape (1, 2 * len(names)), float64."""
        pairs = [self._sums[name] for name in self.names]
        return torch.tensor([[*(total for total, _ in pairs), *(count for _, count in pairs)]], dtype=torch.float64)

    def take(self, world: World) -> dict[str, float]:
        """Return the mean of each metric over the finite values of all processes, and empty the sums of this one.

        Every process of `world` must call it. A metric without any finite value is left out.
        """
        names = self.names
        totals, counts = world.total(self.own()).view(2, len(names)).tolist()
        self._sums = {}
        return {name: total / count for name, total, count in zip(names, totals, counts, strict=True) if count}

    def restore(self, names: Sequence[str], saved: Tensor, world: World) -> None:
        """Set the sums to those that were saved.

        Args:
            names: `names` at that time.
            saved: `own` of each process at that time, shape (processes, 2 * len(names)). With as many processes now, each
                takes its row; else the first takes the sum of all rows, so that the means stay those of all values.
            world: the processes now.

        Raises:
            ValueError: if the columns do not belong to the names.
        """
        if saved.shape[1] != 2 * len(names):
            raise ValueError(
                f"saved metrics: {saved.shape[1]} columns for the {len(names)} names {list(names)}, expected "
                f"{2 * len(names)} (sums, counts); remove the state to train from scratch"
            )
        totals, counts = _row_of(saved, world).view(2, len(names)).tolist()
        self._sums = {name: (total, int(count)) for name, total, count in zip(names, totals, counts, strict=True)}


def _row_of(saved: Tensor, world: World) -> Tensor:
    if len(saved) == world.size:
        return saved[world.rank]
    return saved.sum(dim=0) if world.is_first else torch.zeros_like(saved[0])
