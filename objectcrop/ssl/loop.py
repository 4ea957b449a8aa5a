"""The training loop: batches in order, one optimizer step each, metrics, state saved now and then and before a stop."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from objectcrop.runtime.distributed import World
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import StopRequest
from objectcrop.ssl.checkpoints import append_metrics, load_state, rewind_metrics, save_state
from objectcrop.ssl.method import Method, StepLosses
from objectcrop.ssl.schedules import learning_rate
from objectcrop.study.runs import OptimizerSettings

SAVE_EVERY_S = 600.0
LOGGED_STEPS, MAX_LOG_EVERY = 200, 50


class Stopped(SystemExit):
    """A signal ended training after its state was saved; the exit code says which."""


@dataclass
class Clock:
    """Where training stands; saved with the state.

    Attributes:
        step: steps that are done.
        images_seen: pictures in these, over all processes.
        seconds: time spent in training, over all attempts.
        window: values of each metric since the last line of the log.
    """

    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    window: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Job:
    """What a training loop needs to know beside the method.

    Attributes:
        label: shown with the progress.
        settings_hash: what the state belongs to.
        settings: of the optimizer.
        num_images: pictures of the training set.
        folder: of the checkpoints.
        save_every_s: seconds between saves.
    """

    label: str
    settings_hash: str
    settings: OptimizerSettings
    num_images: int
    folder: Path
    save_every_s: float = SAVE_EVERY_S

    @property
    def steps_per_epoch(self) -> int:
        """Full global batches in a pass over the pictures."""
        return self.num_images // self.settings.global_batch_size

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def log_every(self) -> int:
        """Steps between lines of the log."""
        return min(max(self.total_steps // LOGGED_STEPS, 1), MAX_LOG_EVERY)


class Training:
    """A method, its optimizer and where they stand."""

    def __init__(self, method: Method, optimizer: torch.optim.Optimizer, job: Job, world: World) -> None:
        self.method, self.optimizer, self.job, self.world = method, optimizer, job, world
        self.clock = Clock()

    def resume(self) -> None:
        """Go on from the saved state, if there is one."""
        state = load_state(self.job.folder, self.job.settings_hash, self.world.device)
        if state is not None:
            self.method.load_state_dict(state["method"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.clock = Clock(**state["clock"])
            self.clock.window = defaultdict(list, self.clock.window)
        if self.world.is_first:
            rewind_metrics(self.job.folder, self.clock.step)
        self.world.wait()

    def run(self, batches: Iterable[Any], stop: StopRequest, picture_ids: Sequence[str]) -> None:
        """Train to the end.

        Raises:
            Stopped: after saving, if a stop was asked for.
            ValueError: if the loss is not finite, with step and pictures.
        """
        self.method.train()
        job, clock, batch_size = self.job, self.clock, self.job.settings.global_batch_size
        total = job.total_steps * batch_size
        progress = Progress(job.label, total=total, unit="images", done=clock.images_seen)
        start = last_save = time.monotonic()
        already = clock.seconds
        with progress:
            for batch in batches:
                losses = self._step(batch, picture_ids)
                clock.step += 1
                clock.images_seen += batch_size
                clock.seconds = already + time.monotonic() - start
                self._note(losses)
                if self.world.is_first:
                    progress.advance(batch_size, loss=clock.window["loss"][-1])
                if clock.step % job.log_every == 0 or clock.step == job.total_steps:
                    self._log(progress.rate)
                is_asked = self.world.any(bool(stop))
                if is_asked or time.monotonic() - last_save >= job.save_every_s:
                    self.save()
                    last_save = time.monotonic()
                if is_asked and clock.step < job.total_steps:
                    raise Stopped(self._farewell(stop))

    def save(self) -> None:
        """Write the state; only the first process does."""
        if not self.world.is_first:
            return
        clock = {**vars(self.clock), "window": dict(self.clock.window)}
        state = {"settings_hash": self.job.settings_hash, "clock": clock}
        save_state(
            self.job.folder,
            {**state, "method": self.method.state_dict(), "optimizer": self.optimizer.state_dict()},
        )

    def _step(self, batch: Any, picture_ids: Sequence[str]) -> StepLosses:
        job, step = self.job, self.clock.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(job.settings, step, job.steps_per_epoch)
        losses = self.method.step_losses(batch.to(self.world.device), step)
        if not math.isfinite(losses.total.item()):
            names = [picture_ids[row] for row in batch.rows.tolist()]
            raise ValueError(
                f"{job.label}: the loss of step {step} is {losses.total.item()} (pictures {', '.join(names[:8])}"
                f"{' ...' if len(names) > 8 else ''}); lower the learning rate, or use precision float32"
            )
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return losses

    def _note(self, losses: StepLosses) -> None:
        values = torch.stack([value.float() for value in losses.parts.values()]).tolist()
        for name, value in zip(losses.parts, values, strict=True):
            if math.isfinite(value):  # a mean over no pairs says nothing
                self.clock.window[name].append(value)

    def _log(self, images_per_s: float) -> None:
        clock, job = self.clock, self.job
        names = sorted(clock.window)
        means = torch.tensor([sum(clock.window[name]) / len(clock.window[name]) for name in names])
        means = self.world.mean(means.to(self.world.device))
        clock.window = defaultdict(list)
        if not self.world.is_first:
            return
        row = {
            "step": clock.step,
            "epoch": clock.step / job.steps_per_epoch,
            "images_seen": clock.images_seen,
            "images_per_s": images_per_s,
            "seconds": clock.seconds,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
        }
        append_metrics(job.folder, row | dict(zip(names, means.tolist(), strict=True)))

    def _farewell(self, stop: StopRequest) -> int:
        # the exit code of the signal, also in processes that only heard of it from another one
        if self.world.is_first:
            print(
                f"{self.job.label}: stopped after step {self.clock.step}, state saved; start it again to go on",
                flush=True,
            )
        return stop.exit_code if stop else 143
