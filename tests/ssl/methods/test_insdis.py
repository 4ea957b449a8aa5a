"""InsDis: a step written out, the bank, both views, and wiring."""

import copy

import pytest
import torch
from torch.nn.functional import normalize

from objectcrop.ssl.methods.memory_bank import draw_negatives
from tests.ssl.wiring import OBJECT_PAIR, SEEDS, batch_of, build, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

SMALL = {"embedding_dims": 16, "num_negatives": 7}


def views_of(network, batch, crops):
    images = (batch.query,) if crops == "one" else (batch.query, batch.key)
    return [normalize(network.head.head(network.backbone(ready(view))), dim=1) for view in images]


@pytest.mark.parametrize("crops", ["one", "two"])
@pytest.mark.parametrize("proximal_weight", [0.0, 3.0])
def test_a_step_is_the_papers_formula_image_by_image(request_of, crops, proximal_weight):
    settings = {**SMALL, "crops": crops, "proximal_weight": proximal_weight}
    method = build(request_of, "insdis", insdis=settings)
    network, batch, bank = copy.deepcopy(method.network), batch_of(), method.bank.rows.clone()
    views, noise = views_of(network, batch, crops), draw_negatives(12, 7, 0, SEEDS)
    products = torch.exp(torch.cat(views) @ bank[noise].T / 0.07)
    z, loss = 12 * products.mean(), 0.0
    for view in views:
        for vector, place in zip(view, batch.rows.tolist(), strict=True):
            p = torch.exp(vector @ bank[place] / 0.07) / z
            loss -= torch.log(p / (p + 7 / 12)) - proximal_weight * (vector - bank[place]).square().sum()
            for row in noise.tolist():
                p = torch.exp(vector @ bank[row] / 0.07) / z
                loss -= torch.log(1 - p / (p + 7 / 12))
    losses = method.step_losses(batch, 0)
    assert losses.total.item() == pytest.approx(loss.item() / (4 * len(views)), abs=1e-10)
    moved = normalize(0.5 * bank[batch.rows] + 0.5 * sum(views) / len(views), dim=1)
    torch.testing.assert_close(method.bank.rows[batch.rows], moved.detach())
    others = [row for row in range(12) if row not in batch.rows.tolist()]
    assert torch.equal(method.bank.rows[others], bank[others])


def test_the_softmax_is_over_all_images_where_all_are_drawn(request_of):
    method = build(request_of, "insdis", insdis={**SMALL, "num_negatives": 12, "loss": "softmax"})
    batch, bank = batch_of(), method.bank.rows.clone()
    (view,) = views_of(copy.deepcopy(method.network), batch, "one")
    logits = view @ bank.T / 0.07  # the parametric-free softmax of equation 2: every image is a class
    expected = torch.nn.functional.cross_entropy(logits, batch.rows)
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)


def test_of_one_view_the_key_changes_nothing_and_of_two_it_does(request_of):
    batch = batch_of()
    for crops, is_equal in (("one", True), ("two", False)):
        losses = [
            build(request_of, "insdis", insdis={**SMALL, "crops": crops}).step_losses(either_batch, 0).total.item()
            for either_batch in (batch, batch._replace(key=batch.query))
        ]
        assert (losses[0] == losses[1]) == is_equal


def test_all_of_the_network_gets_a_gradient_and_each_head_from_its_own_tag(request_of):
    method = build(request_of, "insdis", insdis=SMALL)
    method.step_losses(batch_of(), 0).total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in method.network.parameters())
    assert not method.bank.rows.requires_grad
    routed = build(request_of, "insdis", insdis={**SMALL, "heads": "per_view"}, views=OBJECT_PAIR)
    routed.step_losses(batch_of(query_tags=(0,) * 4, key_tags=(1,) * 4), 0).total.backward()
    used, unused = routed.network.head.heads
    assert all(parameter.grad.abs().sum() > 0 for parameter in used.parameters())
    assert all(parameter.grad.abs().sum() == 0 for parameter in unused.parameters())
