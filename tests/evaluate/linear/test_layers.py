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
    weight = layers.tensors[1][0].detach().clone().requires_grad_()
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
    assert torch.allclose(layers.tensors[1][0], weight, atol=1e-4)
    assert torch.allclose(layers.tensors[1][1], bias, atol=1e-4)
    assert not torch.allclose(layers.tensors[0][0], weight, atol=1e-2)


def test_fresh_layers_are_small_normal_draws_of_the_seed():
    first, again, other = (
        LinearLayers(500, 40, settings(), seeds=Seeds(0, run), device=CPU).tensors[0][0].detach() for run in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx(0.01, rel=0.02)


def test_an_mlp_is_trained_as_torchs_own():
    rng = torch.Generator().manual_seed(1)
    features = torch.randn(20, 6, generator=rng)
    targets = torch.randint(0, 3, (20,), generator=rng)
    task = settings(probe="mlp", hidden_dims=5, labels="single", learning_rates=[0.1, 0.4], schedule="constant")
    layers = LinearLayers(6, 3, task, seeds=SEEDS, device=CPU)
    network = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    with torch.no_grad():
        for own, drawn in zip(network.parameters(), layers.tensors[1], strict=True):
            own.copy_(drawn.T if drawn.dim() == 2 else drawn)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.4, momentum=0.9)
    for step in range(30):
        layers.set_step(step, 10)
        layers.step(features, targets)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(features), targets).backward()
        optimizer.step()
    scores = list(layers.scores(features))
    assert torch.allclose(torch.from_numpy(scores[1]), network(features).detach(), atol=1e-4)
    assert not torch.allclose(torch.from_numpy(scores[0]), network(features).detach(), atol=1e-2)


def test_an_mlp_learns_what_no_linear_layer_does():
    corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    targets = torch.tensor([0, 1, 1, 0])  # exclusive or
    num_right = {}
    for probe in ("linear", "mlp"):
        task = settings(probe=probe, hidden_dims=16, labels="single", learning_rates=[0.2], schedule="constant")
        layers = LinearLayers(2, 2, task, seeds=SEEDS, device=CPU)
        for step in range(300):
            layers.set_step(step, 100)
            layers.step(corners, targets)
        (scores,) = layers.scores(corners)
        num_right[probe] = int((scores.argmax(axis=1) == targets.numpy()).sum())
    assert num_right["mlp"] == 4
    assert num_right["linear"] < 4


def test_the_hidden_layer_of_an_mlp_keeps_the_deviation_of_its_inputs():
    task = settings(probe="mlp", hidden_dims=400, learning_rates=[1.0])
    hidden, bias, weight, _ = LinearLayers(500, 40, task, seeds=SEEDS, device=CPU).tensors[0]
    assert hidden.shape == (500, 400)
    assert float(hidden.detach().std()) == pytest.approx((2 / 500) ** 0.5, rel=0.02)
    assert float(weight.detach().std()) == pytest.approx(0.01, rel=0.03)
    assert not bias.any()
