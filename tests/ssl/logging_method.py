"""A method whose metrics are constants, trained for two steps and one line of the log by processes that find each other."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from objectcrop.runtime.distributed import World, join_world
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.ssl.methods.method import Method, StepLosses
from objectcrop.ssl.training import loop
from objectcrop.study.settings.runs import OptimizerSettings, Run
from objectcrop.views.batches import LabelledBatch
from tests.ssl.wiring import setup_of

NAN = float("nan")
METRICS = [  # of each rank and step; what no process measures in the whole window is in no row
    [{"both": 1.0, "one": 2.0, "none": NAN}, {"both": 2.0, "one": 4.0, "none": NAN}],
    [{"both": NAN, "one": NAN, "none": NAN}, {"both": 6.0, "one": NAN, "none": NAN}],
]
MEANS = {"both": (1 + 2 + 6) / 3, "one": (2 + 4) / 2}


class Logging(Method):
    """Gives the metrics of its rank."""

    def __init__(self, rank: int) -> None:
        super().__init__(setup_of(Run(dataset="tiny")))
        self.weight, self.rank = nn.Parameter(torch.ones(())), rank

    @property
    def backbone(self):
        raise NotImplementedError

    def own_losses(self, outputs, batch, step):
        raise NotImplementedError

    def step_losses(self, batch: LabelledBatch, step: int) -> StepLosses:
        parts = {name: torch.tensor(value) for name, value in METRICS[self.rank][step].items()}
        return StepLosses(self.weight * 1.0, parts)


def training_of(folder: Path, world: World) -> loop.Training:
    """Two steps, logged together."""
    loop.LOGGED_STEPS = 1
    settings = OptimizerSettings(epochs=1, global_batch_size=4)
    job = loop.Job("logging", "hash", settings, num_samples=8, folder=folder, seeds=Seeds(0, 1))
    method = Logging(world.rank)
    return loop.Training(method, job, world)


def log_two_steps(folder: Path, stops_between: bool) -> None:
    """Train for two steps; with `stops_between` they are one step, a stop, and a step of another training that resumes."""
    batch = LabelledBatch(torch.zeros(2), torch.zeros(2), torch.tensor([0, 1]))
    with join_world(0) as world:
        if stops_between:
            stop = StopRequest()
            stop.signal = 15
            with suppress(Stopped):
                training_of(folder, world).run([batch], stop, ["a", "b"])
            world.wait()  # for the first one to have saved
        training = training_of(folder, world)
        training.resume()
        training.run([batch] * 2, StopRequest(), ["a", "b"])
