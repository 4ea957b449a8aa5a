"""The training of a detector: Detectron2's trainer and hooks, with precision, progress, saving by the clock and stopping."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from detectron2.engine import HookBase, SimpleTrainer, hooks
from detectron2.engine.defaults import create_ddp_model
from detectron2.utils import comm
from detectron2.utils.events import JSONWriter
from torch import Tensor, nn

from objectcrop.evaluate.detection.request import FineTuning
from objectcrop.evaluate.detection.training_state import TrainingState
from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.precision import autocast
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.section import Precision

METRICS = "metrics.jsonl"
WRITE_EVERY = 20
"""Iterations between lines of the metrics file; losses are medians over as many."""


def train_detector(
    model: nn.Module,
    batches: Iterator[list[dict[str, Any]]],
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    state: TrainingState,
    job: FineTuning,
    start: int,
    stop: StopRequest,
) -> None:
    """Train from an iteration to the end, then make batch norm precise and save; scalars go to `metrics.jsonl`.

    Args:
        model: detector, on its device.
        batches: of mapped images, without end.
        optimizer: of its weights.
        scheduler: of the learning rate.
        state: where to save.
        job: what is fine-tuned, and how long.
        start: iterations that are done.
        stop: set by a signal.

    Raises:
        Stopped: after saving, if a stop was asked for.
        ValueError: if a loss is not finite, naming the iteration and the images.
    """
    schedule = job.task.schedule
    precision = schedule.precision, torch.device(job.device)
    narrow = _InPrecision(create_ddp_model(model, broadcast_buffers=False), *precision)
    progress = Progress(f"{job.label}, training", total=schedule.max_iterations, unit="iterations", done=start)
    trainer = _Trainer(narrow, batches, optimizer, job.label)
    num_precise = schedule.precise_batch_norm_iterations
    precise = hooks.PreciseBN(0, _InPrecision(model, *precision), batches, num_precise) if num_precise else None
    writers = []
    if comm.is_main_process():
        writers.append(hooks.PeriodicWriter([_metrics_writer(job.checkpoints / METRICS, start)], WRITE_EVERY))
    scheduling = hooks.LRScheduler(optimizer, scheduler)
    saving = _Saving(state, progress, stop, job)
    trainer.register_hooks([hooks.IterationTimer(), scheduling, precise, *writers, saving])
    with progress if comm.is_main_process() else nullcontext(), _unlogged():
        trainer.train(start, schedule.max_iterations)


class _InPrecision(nn.Module):
    """A detector whose forward pass is in the precision of the task, and that knows which images it saw last."""

    def __init__(self, model: nn.Module, precision: Precision, device: torch.device) -> None:
        super().__init__()
        self.model, self._precision, self._device = model, precision, device
        self.image_ids: list[str] = []

    def forward(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        self.image_ids = [str(image["image_id"]) for image in batch]
        # entered for each forward pass: it keeps narrow copies of weights, which the optimizer's step makes stale
        with autocast(self._precision, self._device):
            losses: dict[str, Tensor] = self.model(batch)
        return losses


class _Trainer(SimpleTrainer):  # type: ignore[misc]
    """Detectron2's trainer, whose error about a loss says where and what to do."""

    def __init__(self, model: _InPrecision, batches: Any, optimizer: torch.optim.Optimizer, label: str) -> None:
        super().__init__(model, batches, optimizer)
        self._label = label

    def run_step(self) -> None:
        try:
            super().run_step()
        except FloatingPointError as error:  # losses, or proposals, that are not finite
            images = ", ".join(self.model.image_ids)
            raise ValueError(
                f"{self._label}: iteration {self.iter}: the loss is not finite (images {images}); lower "
                "schedule.learning_rate or lengthen the warm-up"
            ) from error


class _Saving(HookBase):  # type: ignore[misc]
    """Counts iterations; saves by the clock, at the end, and when a signal asks to stop. The last of the hooks."""

    def __init__(self, state: TrainingState, progress: Progress, stop: StopRequest, job: FineTuning) -> None:
        self._state, self._progress, self._stop = state, progress, stop
        self._label, self._every_s = job.label, job.save_every_s

    def after_step(self) -> None:
        iteration, is_stopping = self.trainer.iter, is_asked(self._stop)
        if comm.is_main_process():
            self._progress.advance(1, loss=self.trainer.storage.latest()["total_loss"][0])
        is_due = time.monotonic() - self._state.last_save >= self._every_s
        if is_due or is_stopping or iteration + 1 == self.trainer.max_iter:  # testing can take long too
            self._state.save(iteration)
        if is_stopping:
            print(
                f"{self._label}: stopped after iteration {iteration}, state saved; start it again to resume", flush=True
            )
            raise Stopped(self._stop.exit_code)


def is_asked(stop: StopRequest) -> bool:
    """Return whether any process was asked to stop: all must leave at the same iteration."""
    if comm.get_world_size() == 1:
        return bool(stop)
    flag = torch.tensor(float(bool(stop)), device="cuda")
    torch.distributed.all_reduce(flag)
    return flag.item() > 0


def _metrics_writer(path: Path, start: int) -> JSONWriter:
    """Return a writer that continues a file after the iterations that are done; lines of later ones are removed."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        write_text(path, "".join(f"{line}\n" for line in lines if _iteration_of(line) < start))
    return JSONWriter(str(path), WRITE_EVERY)


def _iteration_of(line: str) -> float:
    try:
        return int(json.loads(line)["iteration"])
    except ValueError:  # cut off by a kill
        return float("inf")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep Detectron2 from logging a traceback of each error: whoever catches it prints it."""
    logger = logging.getLogger("detectron2.engine.train_loop")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
