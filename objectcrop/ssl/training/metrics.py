"""What a training logs: losses of its steps, their means over all processes, its speed; for the metrics file and TensorBoard."""

import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from objectcrop.runtime.disk import writing
from objectcrop.runtime.distributed import World
from objectcrop.ssl.methods.method import StepLosses
from objectcrop.ssl.training.checkpoints import EVENTS

TERA, GIB = 1e12, 2**30
NOT_DRAWN = ("step", "seconds")
REJECTED = "decoder_rejected_share"
"""Share of images that the decoder rejected, so that Pillow decoded them."""


class StepRecord(NamedTuple):
    """Losses of one step, on the device."""

    step: int
    rows: list[int]  # of its images
    names: tuple[str, ...]
    values: Tensor  # the total loss, then one value for each name


class Window:
    """Losses of the steps that are not read yet."""

    def __init__(self) -> None:
        self._records: list[StepRecord] = []

    def add(self, step: int, rows: list[int], losses: StepLosses) -> None:
        """Keep the losses of a step, without waiting for the device."""
        values = torch.stack(
            [losses.total.detach().float(), *(value.detach().float() for value in losses.parts.values())]
        )
        self._records.append(StepRecord(step, rows, tuple(losses.parts), values))

    def take(self, image_ids: Sequence[str]) -> list[dict[str, float]]:
        """Return the values of each step by name, and empty the window. One wait for the device, however many steps.

        Raises:
            ValueError: if a total loss is not finite, with the first such step and its images.
        """
        records, self._records = self._records, []
        if not records:
            return []
        flat = iter(torch.cat([step.values for step in records]).tolist())
        losses = []
        for step in records:
            total = next(flat)
            if not math.isfinite(total):
                raise ValueError(_not_finite(step, total, image_ids))
            losses.append({name: next(flat) for name in step.names})
        return losses


def _not_finite(record: StepRecord, total: float, image_ids: Sequence[str]) -> str:
    names = [image_ids[row] for row in record.rows]
    listed = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return f"the loss of step {record.step} is {total} (images {listed}); lower the learning rate, or use precision float32"


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


class Speed:
    """Measures this process between two lines of the log.

    Args:
        device: that the networks run on.
        peak_teraflops: what the device can do per second in the precision used, in 1e12 floating-point operations; 0 if
            unknown, then no utilisation is reported.
    """

    def __init__(self, device: torch.device, peak_teraflops: float = 0.0) -> None:
        self.device, self.peak_teraflops = device, peak_teraflops
        self._flops_per_step: int | None = None
        self._start, self._waited_s = time.monotonic(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the block as waiting for data."""
        start = time.monotonic()
        yield
        self._waited_s += time.monotonic() - start

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the floating-point operations of the block, a step, if that has not been done and there is a peak."""
        if not self.peak_teraflops or self._flops_per_step is not None:
            yield
            return
        # operations inside a compiled network would not be counted
        with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False) as counter:
            yield
        self._flops_per_step = counter.get_total_flops()

    def take(self, num_steps: int, num_images: int) -> dict[str, float]:
        """Return the measures since the last call, of `num_steps` steps on `num_images` images (of all processes)."""
        now = time.monotonic()
        seconds = max(now - self._start, 1e-9)
        measures = {
            "images_per_s": num_images / seconds,
            "data_wait_share": min(self._waited_s / seconds, 1.0),
            "peak_memory_gib": peak_memory_bytes(self.device) / GIB,
        }
        if self._flops_per_step is not None:
            measures["mfu"] = self._flops_per_step * num_steps / seconds / (self.peak_teraflops * TERA)
        self._start, self._waited_s = now, 0.0
        return measures


def peak_memory_bytes(device: torch.device) -> float:
    """The most memory held at once: by tensors on a GPU, else by the process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0  # Linux counts kilobytes


class Events:
    """TensorBoard's event files; only the metrics file is written where the package tensorboard is not installed.

    Args:
        folder: of the states; None writes nothing (other processes than the first).
        step: that training resumes from; lines of an earlier attempt after it are hidden.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        if find_spec("tensorboard") is None:
            print("tensorboard is not installed: metrics go to metrics.jsonl alone", file=sys.stderr, flush=True)
            return
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder / EVENTS
        with writing(self._folder):
            self._writer = SummaryWriter(str(self._folder), purge_step=step + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """Write a line of the metrics."""
        if self._writer is None:
            return
        with writing(self._folder):
            for name, value in row.items():
                if name not in NOT_DRAWN:
                    self._writer.add_scalar(name, value, int(row["step"]))
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            with writing(self._folder):
                self._writer.close()
