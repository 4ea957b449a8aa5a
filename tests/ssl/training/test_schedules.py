"""Learning rates by step."""

import itertools
import math

import numpy as np
import pytest
import torch

from objectcrop.ssl.methods.byol import target_momentum
from objectcrop.ssl.training.optimizer import build_optimizer, learning_rate
from objectcrop.study.settings.runs import OptimizerSettings


def rates(schedule, epochs=4, warmup=0.0, steps_per_epoch=10):
    settings = OptimizerSettings(epochs=epochs, learning_rate=0.5, schedule=schedule, warmup_epochs=warmup)
    return [learning_rate(settings, step, steps_per_epoch) for step in range(epochs * steps_per_epoch)]


def test_cosine_per_epoch_is_mocos():
    rate_of_step = rates("cosine_per_epoch")
    for step, rate in enumerate(rate_of_step):
        assert rate == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi * (step // 10) / 4)))


def test_cosine_per_step_falls_at_every_step():
    rate_of_step = rates("cosine_per_step")
    assert rate_of_step[0] == 0.5
    assert all(later < earlier for earlier, later in itertools.pairwise(rate_of_step))
    assert rate_of_step[20] == pytest.approx(0.25)


@pytest.mark.parametrize("schedule", ["constant", "cosine_per_step", "cosine_per_epoch"])
def test_warm_up_is_linear_from_zero_to_the_full_rate(schedule):
    rate_of_step = rates(schedule, warmup=1.5)
    assert rate_of_step[:15] == pytest.approx([0.5 * step / 15 for step in range(15)])
    assert rate_of_step[15] == pytest.approx(0.5)


def test_weight_decay_is_on_every_parameter():
    layer = torch.nn.BatchNorm1d(3)
    layer.weight.requires_grad_(False)
    optimizer = build_optimizer(layer.parameters(), OptimizerSettings(weight_decay=0.01))
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]
    assert optimizer.param_groups[0]["weight_decay"] == 0.01


def test_a_warm_up_may_start_from_a_rate_and_a_cosine_may_end_at_one():
    """SwAV at batch 4096, in NumPy: 10 epochs from .3 to 4.8, then a cosine per step to .0048."""
    settings = OptimizerSettings(
        epochs=100,
        learning_rate=4.8,
        schedule="cosine_per_step",
        warmup_epochs=10,
        warmup_learning_rate=0.3,
        final_learning_rate=0.0048,
    )
    warm = np.linspace(0.3, 4.8, 10 * 7, endpoint=False)
    steps = np.arange(90 * 7)
    cosine = 0.0048 + 0.5 * (4.8 - 0.0048) * (1 + np.cos(np.pi * steps / (90 * 7)))
    rate_of_step = [learning_rate(settings, step, 7) for step in range(700)]
    np.testing.assert_allclose(rate_of_step, np.concatenate([warm, cosine]), rtol=1e-12)


def test_the_step_schedule_is_moco_v1s():
    settings = OptimizerSettings(epochs=200, learning_rate=0.03, schedule="step")
    rate_of_step = [learning_rate(settings, step, 3) for step in range(600)]
    expected = np.repeat([0.03, 0.003, 0.0003], [120 * 3, 40 * 3, 40 * 3])
    np.testing.assert_allclose(rate_of_step, expected, rtol=1e-12)


def test_the_target_momentum_is_byols():
    base, steps = 0.99, np.arange(50)
    expected = 1 - (1 - base) * (np.cos(np.pi * steps / 50) + 1) / 2
    np.testing.assert_allclose([target_momentum(base, step, 50) for step in range(50)], expected, rtol=1e-12)
    assert target_momentum(base, 0, 50) == pytest.approx(base)
    assert target_momentum(base, 50, 50) == 1


@pytest.mark.parametrize("name", ["lars", "larc"])
def test_lars_leaves_biases_out_and_larc_does_not(name):
    optimizer = build_optimizer(torch.nn.Linear(3, 2).parameters(), OptimizerSettings(name=name, weight_decay=0.01))
    groups = [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups]
    assert groups == ([(1, 0.01), (1, 0.0)] if name == "lars" else [(2, 0.01)])
