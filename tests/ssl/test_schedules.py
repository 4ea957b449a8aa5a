"""Learning rates by step."""

import itertools
import math

import pytest
import torch

from objectcrop.ssl.schedules import build_optimizer, learning_rate
from objectcrop.study.runs import OptimizerSettings


def rates(schedule, epochs=4, warmup=0.0, steps_per_epoch=10):
    settings = OptimizerSettings(epochs=epochs, learning_rate=0.5, schedule=schedule, warmup_epochs=warmup)
    return [learning_rate(settings, step, steps_per_epoch) for step in range(epochs * steps_per_epoch)]


def test_cosine_per_epoch_is_mocos():
    found = rates("cosine_per_epoch")
    for step, rate in enumerate(found):
        assert rate == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi * (step // 10) / 4)))


def test_cosine_per_step_falls_at_every_step():
    found = rates("cosine_per_step")
    assert found[0] == 0.5
    assert all(later < earlier for earlier, later in itertools.pairwise(found))
    assert found[20] == pytest.approx(0.25)


@pytest.mark.parametrize("schedule", ["constant", "cosine_per_step", "cosine_per_epoch"])
def test_warm_up_is_linear_from_zero_to_the_full_rate(schedule):
    found = rates(schedule, warmup=1.5)
    assert found[:15] == pytest.approx([0.5 * step / 15 for step in range(15)])
    assert found[15] == pytest.approx(0.5)


def test_weight_decay_is_on_every_parameter():
    layer = torch.nn.BatchNorm1d(3)
    layer.weight.requires_grad_(False)
    optimizer = build_optimizer(layer.parameters(), OptimizerSettings(weight_decay=0.01))
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]
    assert optimizer.param_groups[0]["weight_decay"] == 0.01


def test_lars_is_told_not_to_be_there_yet():
    with pytest.raises(ValueError, match="not implemented yet"):
        build_optimizer([torch.nn.Parameter(torch.zeros(1))], OptimizerSettings(name="lars"))
