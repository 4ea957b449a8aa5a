"""Linear layers side by side."""

import pytest
import torch

from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.runtime.randomness import Seeds
from tests.evaluate.linear.conftest import CPU, SEEDS, settings


@pytest.mark.parametrize(
    ("protocol", "factors"),
    [
        ({"schedule": "step", "decay_epochs": [2], "decay_factor": 0.2}, [1, 1, 1, 1, 0.2, 0.2, 0.2, 0.2]),
        ({"schedule": "cosine_per_epoch"}, [1, 1, 0.85355, 0.85355, 0.5, 0.5, 0.14645, 0.14645]),
        ({"schedule": "cosine_per_step"}, [1, 0.96194, 0.85355, 0.69134, 0.5, 0.30866, 0.14645, 0.03806]),
        ({"schedule": "constant", "nesterov": True, "weight_decay": 0.01, "momentum": 0.5}, [1] * 8),
    ],
)
def test_layers_are_trained_as_alone_by_sgd_of_the_task(protocol, factors):
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(20, 6, generator=rng)
    targets = (torch.rand(20, 3, generator=rng) < 0.4).float()
    task = settings(learning_rates=[0.5, 5.0], epochs=4, **protocol)
    layers = LinearLayers(6, 3, task, seeds=SEEDS, device=CPU)
    weight = layers.weights[1].detach().clone().requires_grad_()
    bias = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD(
        [weight, bias], lr=1, momentum=task.momentum, nesterov=task.nesterov, weight_decay=task.weight_decay
    )
    for step, factor in enumerate(factors):
        layers.set_step(step, 2)
        optimizer.param_groups[0]["lr"] = 5.0 * factor
        layers.step(features, targets)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(features @ weight + bias, targets).backward()
        optimizer.step()
    assert torch.allclose(layers.weights[1], weight, atol=1e-4)
    assert torch.allclose(layers.biases[1], bias, atol=1e-4)
    assert not torch.allclose(layers.weights[0], weight, atol=1e-2)


def test_fresh_layers_are_small_normal_draws_of_the_seed():
    first, again, other = (
        LinearLayers(500, 40, settings(), seeds=Seeds(0, run), device=CPU).weights[0].detach() for run in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx(0.01, rel=0.02)
