"""The training of DeepLabv3, end to end: a step is decided by its number, so that a resumed one takes the same steps."""

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from objectcrop.data.class_maps import IGNORED
from objectcrop.evaluate.segmentation.network import DeepLabv3
from objectcrop.evaluate.segmentation.request import Segmentation
from objectcrop.evaluate.segmentation.samples import Batch, Crops
from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.disk import writing
from objectcrop.runtime.distributed import World
from objectcrop.runtime.precision import autocast
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.seeding import seeded_torch
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.runtime.torch_files import DamagedStateError, read_whole, write_torch
from objectcrop.ssl.samples.order import BatchOrder, load_batches

STATE, METRICS = "state.pth", "metrics.jsonl"
WRITE_EVERY = 20
"""Iterations between lines of the metrics file; losses are means over as many."""
MOMENTUM, POWER = 0.9, 0.9


def train(network: DeepLabv3, crops: Crops, job: Segmentation, stop: StopRequest) -> None:
    """Train from the saved state if there is one, else from the first step; the state of the end is saved.

    Args:
        network: on the job's device.
        crops: that it is trained on.
        job: what is fine-tuned, and how long.
        stop: set by a signal.

    Raises:
        Stopped: after saving, if a stop was asked for.
        ValueError: if there are fewer images than a step takes, or a loss is not finite, naming the iteration and the images.
    """
    task = job.task
    if len(crops) < task.images_per_batch:
        raise ValueError(
            f"datasets.{job.dataset_name}: {len(crops)} training image(s) with class maps, a step takes "
            f"{task.images_per_batch}; lower tasks' images_per_batch"
        )
    optimizer = torch.optim.SGD(
        network.parameters(), task.learning_rate, momentum=MOMENTUM, weight_decay=task.weight_decay
    )
    start = _restore(job.checkpoints / STATE, network, optimizer)
    metrics = _Metrics(job.checkpoints / METRICS, start)
    steps = range(start, task.max_iterations)
    order = BatchOrder(
        len(crops), task.images_per_batch, steps, seeds=job.seeds, world=World(rank=0, size=1, device=job.device)
    )
    network.train()
    last_save = time.monotonic()
    progress = Progress(f"{job.label}, training", total=task.max_iterations, unit="iterations", done=start)
    with progress:
        for step, batch in zip(steps, load_batches(crops, order, job.num_workers, job.device), strict=True):
            loss = _step(network, optimizer, batch, step, job)
            metrics.add(step, loss, optimizer.param_groups[0]["lr"])
            progress.advance(1, loss=loss)
            is_last = step + 1 == task.max_iterations
            if stop or is_last or time.monotonic() - last_save >= job.save_every_s:
                _save(job.checkpoints / STATE, network, optimizer, step + 1)
                last_save = time.monotonic()
            if stop:
                print(f"{job.label}: stopped after iteration {step}, state saved; start it again to resume", flush=True)
                raise Stopped(stop.exit_code)


def learning_rate(rate: float, step: int, num_steps: int) -> float:
    """Return the rate of a step: a polynomial that falls from `rate` towards 0 (Chen et al. 2017, section 4.1)."""
    return float(rate * (1 - step / num_steps) ** POWER)


def pixel_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy over the pixels that have a class; 0 if none has.

    Args:
        scores: float32, shape (N, classes, H, W).
        targets: classes, or IGNORED, uint8, shape (N, H, W).
    """
    total = F.cross_entropy(scores, targets.long(), ignore_index=IGNORED, reduction="sum")
    return total / (targets != IGNORED).sum().clamp(min=1)


def _step(network: DeepLabv3, optimizer: torch.optim.Optimizer, batch: Batch, step: int, job: Segmentation) -> float:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(job.task.learning_rate, step, job.task.max_iterations)
    images = batch.images.to(job.device, non_blocking=True)
    targets = batch.targets.to(job.device, non_blocking=True)
    # the head drops features at random: by the step's own seed
    with seeded_torch(job.seeds.torch_seed("segmentation-dropout", step), job.device):
        with autocast(job.task.precision, job.device):
            scores = network(images, (targets.shape[1], targets.shape[2]))
        loss = pixel_loss(scores, targets)
    value = loss.item()
    if not torch.isfinite(loss):
        raise ValueError(
            f"{job.label}: iteration {step}: the loss is not finite (images {', '.join(batch.ids)}); lower learning_rate"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value


def _save(path: Path, network: DeepLabv3, optimizer: torch.optim.Optimizer, done: int) -> None:
    write_torch(path, {"done": done, "network": network.state_dict(), "optimizer": optimizer.state_dict()})


def _restore(path: Path, network: DeepLabv3, optimizer: torch.optim.Optimizer) -> int:
    """Load the saved state and return how many steps are done; 0 if there is none, or it is damaged, which is printed."""
    if not path.is_file():
        return 0
    try:
        state = read_whole(path, torch.device("cpu"))
    except DamagedStateError as error:
        print(f"warning: {error}; training from scratch", file=sys.stderr, flush=True)
        return 0
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    done = int(state["done"])
    print(f"{path}: {done} iterations are done, resuming", file=sys.stderr, flush=True)
    return done


class _Metrics:
    """A line of JSON for every few iterations; a resumed file continues behind the iterations that are done."""

    def __init__(self, path: Path, start: int) -> None:
        self._path, self._losses = path, list[float]()
        self._since, self._first = time.monotonic(), start
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        write_text(path, "".join(f"{line}\n" for line in lines if _iteration_of(line) < start))

    def add(self, step: int, loss: float, rate: float) -> None:
        self._losses.append(loss)
        if (step + 1) % WRITE_EVERY:
            return
        count, now = len(self._losses), time.monotonic()
        line = {
            "iteration": step,
            "loss": sum(self._losses) / count,
            "learning_rate": rate,
            "seconds_per_iteration": (now - self._since) / count,
        }
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._losses, self._since = [], now


def _iteration_of(line: str) -> float:
    try:
        return int(json.loads(line)["iteration"])
    except ValueError:  # cut off by a kill
        return float("inf")
