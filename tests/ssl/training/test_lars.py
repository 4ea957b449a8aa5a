"""LARS and LARC against NumPy, and LARC against lightly's LARS, whose denominator is the same."""

import numpy as np
import pytest
import torch
from lightly.utils import lars
from torch.utils._python_dispatch import TorchDispatchMode

from objectcrop.networks.backbones import build_backbone
from objectcrop.ssl.training.optimizer import Lars
from objectcrop.study.settings.backbones import BackboneSettings

RATE, MOMENTUM, DECAY, TRUST = 0.3, 0.9, 0.05, 1e-3


def slow(values, gradients, rule):
    """The formulas of the recipes (BYOL appendix J; SwAV), one tensor, in NumPy."""
    velocity, values = np.zeros_like(values), values.copy()
    for gradient in gradients:
        decayed = gradient + DECAY * values
        length = np.sqrt((values**2).sum())
        if rule == "lars" and values.ndim <= 1:
            scaled = gradient
        elif rule == "lars":
            slope = np.sqrt((decayed**2).sum())
            scaled = decayed * (TRUST * length / slope if length and slope else 1)
        else:
            slope = np.sqrt((gradient**2).sum())
            scaled = decayed * TRUST * length / (slope + DECAY * length) if length and slope else gradient
        velocity = MOMENTUM * velocity + scaled
        values = values - RATE * velocity
    return values


def optimizer_of(parameters, rule):
    settings = {"learning_rate": RATE, "momentum": MOMENTUM, "weight_decay": DECAY, "trust_coefficient": TRUST}
    return Lars(parameters, **settings, rule=rule)


def descend(optimizer, parameters, gradients):
    for row in zip(*gradients, strict=True):
        for parameter, gradient in zip(parameters, row, strict=True):
            parameter.grad = torch.from_numpy(gradient)
        optimizer.step()


@pytest.mark.parametrize("rule", ["lars", "larc"])
def test_five_steps_are_numpys(rule):
    rng = np.random.default_rng(0)
    shapes = [(4, 3), (5,), (2, 3, 3, 3)]
    starts = [rng.normal(size=shape) for shape in shapes]
    gradients = [[rng.normal(size=shape) for _ in range(5)] for shape in shapes]
    parameters = [torch.nn.Parameter(torch.from_numpy(start.copy())) for start in starts]
    descend(optimizer_of(parameters, rule), parameters, gradients)
    for parameter, start, parameter_gradients in zip(parameters, starts, gradients, strict=True):
        np.testing.assert_allclose(
            parameter.detach().numpy(), slow(start, parameter_gradients, rule), rtol=0, atol=1e-10
        )


@pytest.mark.parametrize("rule", ["lars", "larc"])
@pytest.mark.parametrize(("start", "gradient"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_a_length_of_zero_does_not_scale(rule, start, gradient):
    parameter = torch.nn.Parameter(torch.full((2, 2), start, dtype=torch.float64))
    gradients = np.full((2, 2), gradient)
    descend(optimizer_of([parameter], rule), [parameter], [[gradients]])
    expected = slow(np.full((2, 2), start), [gradients], rule)
    np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=0, atol=1e-12)


def test_larc_is_lightlys_lars():
    torch.manual_seed(0)
    start = torch.randn(6, 4, dtype=torch.float64)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    settings = {"lr": RATE, "momentum": MOMENTUM, "weight_decay": DECAY, "trust_coefficient": TRUST}
    optimizers = optimizer_of([ours], "larc"), lars.LARS([theirs], **settings)
    for _ in range(3):
        gradient = torch.randn(6, 4, dtype=torch.float64)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("rule", ["lars", "larc"])
def test_tensors_that_get_gradients_later_are_scaled_by_their_own_lengths(rule):
    """SwAV's prototypes are frozen in the first steps."""
    rng = np.random.default_rng(1)
    starts = [rng.normal(size=(4, 3)), rng.normal(size=(2, 5)), rng.normal(size=(3, 2))]
    gradients = [[rng.normal(size=start.shape) for _ in range(4)] for start in starts]
    parameters = [torch.nn.Parameter(torch.from_numpy(start.copy())) for start in starts]
    optimizer = optimizer_of(parameters, rule)
    for step in range(4):
        for place, parameter in enumerate(parameters):
            is_frozen = place == 1 and step < 2
            parameter.grad = None if is_frozen else torch.from_numpy(gradients[place][step])
        optimizer.step()
    gradients[1] = gradients[1][2:]
    for parameter, start, own in zip(parameters, starts, gradients, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), slow(start, own, rule), rtol=0, atol=1e-10)


class Operations(TorchDispatchMode):
    """Counts what torch is asked to do."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += 1
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("rule", ["lars", "larc"])
def test_a_step_of_a_resnet50_takes_few_operations(rule):
    with torch.device("meta"):
        parameters = list(build_backbone(BackboneSettings(arch="resnet50")).parameters())
    assert len(parameters) == 159
    optimizer = optimizer_of(parameters, rule)
    for parameter in parameters:
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    with Operations() as operations:
        optimizer.step()
    assert operations.count <= 30


@pytest.mark.parametrize("rule", ["lars", "larc"])
def test_without_a_gradient_nothing_moves(rule):
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    optimizer_of([parameter], rule).step()
    assert torch.equal(parameter.detach(), torch.ones(2, 2))


def test_its_state_travels():
    parameters = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3))]
    optimizer = optimizer_of(parameters, "lars")
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    other = optimizer_of(parameters, "lars")
    other.load_state_dict(optimizer.state_dict())
    for parameter in parameters:
        assert torch.equal(other.state[parameter]["momentum_buffer"], optimizer.state[parameter]["momentum_buffer"])
    assert [group["is_scaled"] for group in other.param_groups] == [True, False]
