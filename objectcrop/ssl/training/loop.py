"""The training loop: batches in order, one optimizer step each, metrics, state saved now and then and before a stop."""

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from objectcrop.runtime.distributed import World
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.seeding import seeded_torch
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.ssl.methods.method import Method
from objectcrop.ssl.samples.arrival import Arrived, arrive
from objectcrop.ssl.training.checkpoints import (
    append_metrics,
    load_state,
    own_statistics,
    remove_leftovers,
    restore_statistics,
    rewind_metrics,
    save_state,
)
from objectcrop.ssl.training.metrics import REJECTED, Averages, Events, Speed, Window
from objectcrop.ssl.training.monitors import Monitor
from objectcrop.ssl.training.optimizer import build_optimizer, learning_rate
from objectcrop.study.settings.runs import OptimizerSettings, PretrainingResources

KEEPING = PretrainingResources()
LOGGED_STEPS, MAX_LOG_EVERY = 200, 50


@dataclass
class Clock:
    """Progress of training; saved with the state.

    Attributes:
        step: steps that are done.
        images_seen: images in these, over all processes.
        seconds: time spent in training, over all attempts.
        monitored: measures of the monitor since then.
        precisions: what the networks computed in, in the order of the attempts; one unless attempts ran on unlike devices.
    """

    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    monitored: dict[str, float] = field(default_factory=dict)
    precisions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What a training loop needs to know beside the method.

    Attributes:
        label: printed with the progress.
        settings_hash: what the state belongs to.
        settings: of the optimizer.
        num_samples: samples of an epoch: images of the training set, or boxes.
        folder: of the checkpoints.
        seeds: what the networks draw in each step (dropout, stochastic depth) depends on them.
        precision: that the networks compute in, for the record.
        save_every_s: seconds between saves.
        kept_states: saved states that stay.
        peak_teraflops: of the device; 0 if unknown.
        accumulation_steps: batches whose gradients make one step.
        monitor_every_epochs: epochs between measurements of the features; 0 is never.
    """

    label: str
    settings_hash: str
    settings: OptimizerSettings
    num_samples: int
    folder: Path
    seeds: Seeds
    precision: str = "float32"
    save_every_s: float = 60.0 * KEEPING.save_every_minutes
    kept_states: int = KEEPING.kept_states
    peak_teraflops: float = KEEPING.peak_teraflops
    accumulation_steps: int = 1
    monitor_every_epochs: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Full global batches in a pass over the images."""
        return self.num_samples // self.settings.global_batch_size

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

    def __init__(
        self,
        method: Method,
        job: Job,
        world: World,
        monitor: Monitor | None = None,
    ) -> None:
        self.method, self.job, self.world, self.monitor = method, job, world, monitor
        self.optimizer = build_optimizer(method.parameters(), job.settings)
        self.clock = Clock()
        self._window, self._averages = Window(), Averages()
        self._speed = Speed(world.device, job.peak_teraflops)
        self._loss, self._last_logged = math.nan, 0

    def resume(self) -> None:
        """Resume from the saved state, if there is one."""
        if self.world.is_first:
            remove_leftovers(self.job.folder)
        state = load_state(self.job.folder, self.job.settings_hash, self.world.device)
        if state is not None:
            self.method.load_state_dict(state["method"])
            self.optimizer.load_state_dict(state["optimizer"])
            if len(state["statistics"]) == self.world.size:  # else all continue with the first one's
                restore_statistics(self.method, state["statistics"][self.world.rank])
            self.clock = Clock(**state["clock"])
            self._averages.restore(state["metrics"], state["averages"], self.world)
        self._note_precision()
        self._last_logged = self.clock.step
        if self.world.is_first:
            rewind_metrics(self.job.folder, self.clock.step)
        self.world.wait()

    def _note_precision(self) -> None:
        """Record the precision of the coming steps; warn if it is not that of the steps before."""
        precisions, now = self.clock.precisions, self.job.precision
        if precisions and precisions[-1] != now and self.world.is_first:
            print(
                f"warning: {self.job.label}: computed in {precisions[-1]} until step {self.clock.step}, resumes in {now} on this "
                "device; set optimizer.precision to keep one",
                file=sys.stderr,
                flush=True,
            )
        if not precisions or precisions[-1] != now:
            precisions.append(now)

    def run(self, batches: Iterable[Any], stop: StopRequest, image_ids: Sequence[str]) -> None:
        """Train to the end.

        Raises:
            Stopped: after saving, if a stop was asked for.
            ValueError: if the loss is not finite, with step and images.
        """
        self.method.train()
        job, clock, batch_size = self.job, self.clock, self.job.settings.global_batch_size
        total = job.total_steps * batch_size
        progress = Progress(job.label, total=total, unit="images", done=clock.images_seen)
        start = last_save = time.monotonic()
        already = clock.seconds
        events = Events(job.folder if self.world.is_first else None, clock.step)
        with progress, closing(events):
            for parts in self._grouped(batches):
                self._step(parts)
                clock.step += 1
                clock.images_seen += batch_size
                clock.seconds = already + time.monotonic() - start
                is_last = clock.step == job.total_steps
                if is_last or clock.step % job.log_every == 0:
                    self._settle(image_ids)
                self._monitor(image_ids)
                if self.world.is_first:
                    progress.advance(batch_size, **({"loss": self._loss} if math.isfinite(self._loss) else {}))
                if is_last or clock.step % job.log_every == 0:
                    self._log(events)
                is_asked, is_due = self.world.any_of_each(bool(stop), time.monotonic() - last_save >= job.save_every_s)
                if is_asked or is_due:
                    self._settle(image_ids)
                    self.save()
                    last_save = time.monotonic()
                if is_asked and not is_last:
                    self._log_end()
                    raise Stopped(stop.exit_code)

    def save(self) -> None:
        """Write the state in the first process; it gathers the own statistics and averages of the others."""
        statistics = self.world.gather(own_statistics(self.method).to(self.world.device)).cpu()
        averages = self.world.gather(self._averages.own())
        if not self.world.is_first:
            return
        state = {
            "settings_hash": self.job.settings_hash,
            "clock": vars(self.clock),
            "statistics": statistics,
            "metrics": self._averages.names,
            "averages": averages,
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(self.job.folder, state, step=self.clock.step, kept=self.job.kept_states)

    def _grouped(self, batches: Iterable[Any]) -> Iterator[list[Arrived]]:
        """Group the batches of each step, on the device."""
        iterator = arrive(batches, self.world.device)
        for _ in range(self.clock.step, self.job.total_steps):
            with self._speed.waiting():
                parts = [next(iterator) for _ in range(self.job.accumulation_steps)]
            yield parts

    def _step(self, parts: Sequence[Arrived]) -> None:
        """Take one optimizer step; what the networks draw (dropout) depends on the seeds, the step and the rank alone."""
        job, step = self.job, self.clock.step
        with seeded_torch(job.seeds.torch_seed("step", step, self.world.rank), self.world.device):
            self._descend(parts, step)

    def _descend(self, parts: Sequence[Arrived], step: int) -> None:
        job = self.job
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(job.settings, step, job.steps_per_epoch)
        self.optimizer.zero_grad(set_to_none=True)
        with self._speed.counting():
            for place, (rows, batch) in enumerate(parts):
                with self.world.reducing(is_wanted=place == len(parts) - 1):
                    losses = self.method.step_losses(batch, step)
                    (losses.total / len(parts)).backward()  # type: ignore[no-untyped-call]
                self._window.add(step, rows, losses)
                if batch.rejected is not None:
                    self._averages.add({REJECTED: sum(batch.rejected.tolist()) / len(rows)})
            self.method.before_optimizer(step)
            self.optimizer.step()
            self.method.after_step(step, job.total_steps)

    def _settle(self, image_ids: Sequence[str]) -> None:
        """Read the losses from the device: before they are logged, and before a state is saved that nobody could use."""
        try:
            losses = self._window.take(image_ids)
        except ValueError as error:
            raise ValueError(f"{self.job.label}: {error}") from error
        for values in losses:
            self._averages.add(values)
            self._loss = values.get("loss", math.nan)

    def _monitor(self, image_ids: Sequence[str]) -> None:
        """Measure the features at the end of an epoch."""
        every = self.job.monitor_every_epochs * self.job.steps_per_epoch
        if self.monitor is None or not every or (self.clock.step % every and self.clock.step != self.job.total_steps):
            return
        self._settle(image_ids)
        self.clock.monitored = self.monitor.measure(self.method.backbone)

    def _log(self, events: Events) -> None:
        clock, job = self.clock, self.job
        means = self._averages.take(self.world)
        num_steps = clock.step - self._last_logged
        self._last_logged = clock.step
        speed = self._speed.take(num_steps, num_steps * job.settings.global_batch_size)
        monitored, clock.monitored = clock.monitored, {}
        if not self.world.is_first:
            return
        row: Mapping[str, float] = {
            "step": clock.step,
            "epoch": clock.step / job.steps_per_epoch,
            "images_seen": clock.images_seen,
            "seconds": clock.seconds,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            **speed,
            **monitored,
            **means,
        }
        append_metrics(job.folder, row)
        events.add(row)

    def _log_end(self) -> None:
        if self.world.is_first:
            print(
                f"{self.job.label}: stopped after step {self.clock.step}, state saved; start it again to resume",
                flush=True,
            )
