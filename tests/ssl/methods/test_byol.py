"""BYOL: who gets a gradient, who follows whom, and the loss of a step written out."""

import copy
import math

import pytest
import torch
from lightly.loss import NegativeCosineSimilarity
from torch.nn.functional import normalize

from objectcrop.ssl.methods.byol import byol_loss
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

SMALL = {"hidden_dims": 24, "embedding_dims": 16}


@pytest.fixture
def method(request_of):
    return build(request_of, "byol", byol=SMALL)


def test_the_target_gets_no_gradient_and_all_of_the_online_network_does(method):
    method.step_losses(batch_of(), 0).total.backward()
    assert all(parameter.grad is None for parameter in method.target.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in method.network.parameters())


def test_a_step_is_the_papers_symmetric_loss(method):
    online, target = copy.deepcopy(method.network), copy.deepcopy(method.target)
    batch, expected = batch_of(), 0.0
    for one, other in ((batch.query, batch.key), (batch.key, batch.query)):
        hidden = online.branch.projector.head(online.branch.backbone(ready(one)))
        prediction = normalize(online.predictor(hidden), dim=1)
        projection = normalize(target.projector.head(target.backbone(ready(other))), dim=1)
        expected += (prediction - projection).square().sum(dim=1).mean()
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)


def test_the_target_follows_only_after_the_optimizer(method):
    before = [parameter.clone() for parameter in method.target.parameters()]
    method.step_losses(batch_of(), 3)
    assert all(torch.equal(old, new) for old, new in zip(before, method.target.parameters(), strict=True))
    method.after_step(3, 10)
    tau = 1 - (1 - 0.99) * 0.5 * (1 + math.cos(math.pi * 3 / 10))
    online = list(method.network.branch.parameters())
    for old, new, fast in zip(before, method.target.parameters(), online, strict=True):
        torch.testing.assert_close(new, tau * old + (1 - tau) * fast, rtol=0, atol=1e-14)


def test_batch_statistics_of_the_target_are_its_own(method):
    online = method.network.branch.backbone.bn1.running_mean.clone()
    with torch.no_grad():
        method.target.backbone.conv1.weight.mul_(3)
    method.step_losses(batch_of(), 0)
    running_mean = method.target.backbone.bn1.running_mean.clone()
    assert not torch.allclose(running_mean, method.network.branch.backbone.bn1.running_mean)
    assert not torch.equal(online, method.network.branch.backbone.bn1.running_mean)
    method.after_step(0, 10)
    assert torch.equal(running_mean, method.target.backbone.bn1.running_mean)


@pytest.mark.parametrize("start", ["independent", "copy"])
def test_the_target_starts_independent_or_as_a_copy(request_of, start):
    method = build(request_of, "byol", byol={**SMALL, "target_start": start})
    first, second = method.network.branch.backbone.conv1.weight, method.target.backbone.conv1.weight
    assert torch.equal(first, second) == (start == "copy")


def test_each_head_gets_its_gradient_from_its_own_tag(request_of):
    method = build(request_of, "byol", byol={**SMALL, "heads": "per_view"}, views=OBJECT_PAIR)
    method.step_losses(batch_of(), 0).total.backward()  # every view here is a scene's
    objects, scenes = method.network.branch.projector.heads
    assert all(parameter.grad.abs().sum() == 0 for parameter in objects.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in scenes.parameters())


def test_layers_are_the_recipes(request_of):
    method = build(request_of, "byol")
    width = method.backbone.num_features
    shapes = [tuple(parameter.shape) for parameter in method.network.branch.projector.parameters()]
    assert shapes == [(4096, width), (4096,), (4096,), (4096,), (256, 4096)]  # no bias in the last layer
    predictor = [tuple(parameter.shape) for parameter in method.network.predictor.parameters()]
    assert predictor == [(4096, 256), (4096,), (4096,), (4096,), (256, 4096)]


def test_byol_loss_is_the_squared_distance_of_unit_vectors():
    torch.manual_seed(0)
    predictions, targets = 3 * torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
    slow = 0.0
    for p, t in zip(predictions.tolist(), targets.tolist(), strict=True):
        length_p, length_t = math.sqrt(sum(x * x for x in p)), math.sqrt(sum(x * x for x in t))
        slow += sum((a / length_p - b / length_t) ** 2 for a, b in zip(p, t, strict=True)) / 5
    assert byol_loss(predictions, targets).item() == pytest.approx(slow, abs=1e-10)
    theirs = 2 + 2 * NegativeCosineSimilarity()(predictions, targets)
    assert byol_loss(predictions, targets).item() == pytest.approx(theirs.item(), abs=1e-5)
    assert byol_loss(2 * targets, targets).item() == pytest.approx(0, abs=1e-12)
    assert byol_loss(-targets, targets).item() == pytest.approx(4, abs=1e-12)
