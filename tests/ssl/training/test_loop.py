"""The training loop, with methods that do nothing but draw, or give metrics."""

from pathlib import Path

import pytest
import torch
from torch import nn

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import stop_requests
from objectcrop.ssl.methods.method import Method, StepLosses
from objectcrop.ssl.training.checkpoints import read_metrics
from objectcrop.ssl.training.loop import Job, Training
from objectcrop.study.settings.runs import OptimizerSettings, Run
from objectcrop.views.batches import LabelledBatch
from tests.ssl.logging_method import MEANS, log_two_steps
from tests.ssl.processes import finish, start
from tests.ssl.wiring import setup_of

STEPS, PARTS = 3, 2
ONE = Seeds(0, 1)


class Drawing(Method):
    """Keeps what torch's generator gives in each part of each step."""

    def __init__(self):
        super().__init__(setup_of(Run(dataset="tiny")))
        self.weight, self.drawn = nn.Parameter(torch.ones(())), []

    @property
    def backbone(self):
        raise NotImplementedError

    def own_losses(self, outputs, batch, step):
        raise NotImplementedError

    def step_losses(self, batch, step):
        self.drawn.append(torch.rand(()).item())
        return StepLosses(self.weight * 1.0, {"loss": self.weight.detach()})


def drawn_numbers(folder: Path, *, seeds=ONE, rank=0) -> list[float]:
    """What a training of three steps of two parts draws, whatever torch's own generator was at."""
    folder.mkdir(exist_ok=True)
    settings = OptimizerSettings(epochs=1, global_batch_size=4)
    job = Job("drawing", "hash", settings, 4 * STEPS, folder, seeds, accumulation_steps=PARTS)
    method = Drawing()
    training = Training(method, job, World(rank, 1, torch.device("cpu")))
    batch = LabelledBatch(torch.zeros(2), torch.zeros(2), torch.tensor([0, 1]))
    with stop_requests() as stop:
        training.run([batch] * STEPS * PARTS, stop, ["a", "b"])
    return method.drawn


def test_what_networks_draw_depends_on_the_seeds_alone_and_leaves_the_global_generator_as_it_was(tmp_path):
    torch.manual_seed(0)
    first, state = drawn_numbers(tmp_path), torch.get_rng_state()
    torch.manual_seed(5)
    second = drawn_numbers(tmp_path)
    assert first == second
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_part_of_every_step_draws_numbers_of_its_own(tmp_path):
    numbers = drawn_numbers(tmp_path)
    assert len(set(numbers)) == len(numbers) == STEPS * PARTS


@pytest.mark.parametrize("other", [{"seeds": Seeds(0, 2)}, {"seeds": Seeds(1, 1)}, {"rank": 1}])
def test_other_seeds_and_other_ranks_draw_other_numbers(tmp_path, other):
    assert not set(drawn_numbers(tmp_path)) & set(drawn_numbers(tmp_path, **other))


@pytest.mark.parametrize("stops_between", [False, True])
def test_a_metric_that_one_process_lacks_is_the_mean_of_the_finite_values_of_all(tmp_path, stops_between):
    assert finish(start(log_two_steps, 2, tmp_path, stops_between), timeout_s=30) == [0, 0]
    (row,) = read_metrics(tmp_path)
    assert {name: row.get(name) for name in ("both", "one", "none")} == {**MEANS, "none": None}
