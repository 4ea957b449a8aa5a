"""SwAV: crops, codes, queues and prototypes."""

import copy

import pytest
import torch
from torch.nn.functional import normalize

from objectcrop.ssl.methods.swav import sinkhorn, swapped_prediction
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

SMALL = {"hidden_dims": 24, "embedding_dims": 16, "num_prototypes": 6, "frozen_prototype_steps": 2}


@pytest.fixture
def method(request_of):
    return build(request_of, "swav", swav=SMALL)


def reference_scores(network, batch):
    """Query, key and small crops: large and small crops through the trunk apart, through the projector together."""
    large = network.backbone(torch.cat([ready(batch.query), ready(batch.key)]))
    crops = [ready(batch.small[:, number]) for number in range(batch.small.shape[1])]
    features = torch.cat([large, network.backbone(torch.cat(crops))])
    embeddings = normalize(network.projector.head(features), dim=1)
    return (embeddings @ network.prototypes.weight.T).split(4), embeddings.split(4)


def test_a_step_is_the_papers_loss_over_all_crops(method):
    batch = batch_of(num_small=3)
    scores, _ = reference_scores(copy.deepcopy(method.network), batch)
    codes = [sinkhorn(crop_scores.detach(), epsilon=0.05, num_iterations=3) for crop_scores in scores[:2]]
    expected = swapped_prediction(scores, codes, temperature=0.1)
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)


def test_codes_carry_no_gradient_and_all_of_the_network_gets_one(method):
    method.step_losses(batch_of(num_small=2), 0).total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in method.network.parameters())


def test_prototypes_are_frozen_in_the_first_steps_then_move_and_stay_unit_vectors(method):
    weight = method.network.prototypes.weight
    optimizer = torch.optim.SGD(method.parameters(), lr=0.5, momentum=0.9, weight_decay=1e-2)
    start = weight.detach().clone()
    for step in range(4):
        optimizer.zero_grad()
        method.step_losses(batch_of(num_small=1), step).total.backward()
        method.before_optimizer(step)
        optimizer.step()
        method.after_step(step, 4)
        assert torch.equal(weight.detach(), start) == (step < 2), step
        torch.testing.assert_close(weight.detach().norm(dim=1), torch.ones(6, dtype=torch.float64))


def test_without_small_crops_there_are_two(method):
    scores = method.network(batch_of()).own.scores
    assert [tuple(crop_scores.shape) for crop_scores in scores] == [(4, 6)] * 2


def test_each_head_gets_its_gradient_from_its_own_tag_and_small_crops_are_scenes(request_of):
    method = build(request_of, "swav", swav={**SMALL, "heads": "per_view"}, views=OBJECT_PAIR)
    objects, scenes = method.network.projector.heads
    outputs = method.network(batch_of(query_tags=(0, 0, 0, 0), key_tags=(0, 0, 0, 0), num_small=2)).own
    sum(crop_scores.square().sum() for crop_scores in outputs.scores[2:]).backward(retain_graph=True)
    assert all(parameter.grad.abs().sum() == 0 for parameter in objects.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in scenes.parameters())
    method.zero_grad()
    sum(crop_scores.square().sum() for crop_scores in outputs.scores[:2]).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in objects.parameters())
    assert all(parameter.grad.abs().sum() == 0 for parameter in scenes.parameters())


def test_codes_are_made_with_the_queue_from_its_epoch_on_once_it_is_full(request_of):
    settings = {**SMALL, "queue_length": 16, "queue_from_epoch": 2}
    method = build(request_of, "swav", swav=settings)  # 3 steps an epoch, full after 4
    assert [method.uses_queue(step) for step in range(8)] == [False] * 6 + [True] * 2
    early = build(request_of, "swav", swav={**settings, "queue_from_epoch": 1})
    assert [early.uses_queue(step) for step in range(8)] == [False] * 4 + [True] * 4
    assert not any(build(request_of, "swav", swav=SMALL).uses_queue(step) for step in range(8))


def test_queues_hold_embeddings_of_their_view_and_change_the_codes(request_of):
    method = build(request_of, "swav", swav={**SMALL, "queue_length": 8, "queue_from_epoch": 0})
    batch = batch_of(num_small=1)
    scores, embeddings = reference_scores(copy.deepcopy(method.network), batch)
    held = [queue.keys.clone() for queue in method.queues]
    assert not torch.equal(*held)
    loss = method.step_losses(batch, 5).total.item()
    codes = []
    for view in range(2):
        together = torch.cat([scores[view], held[view] @ method.network.prototypes.weight.T]).detach()
        codes.append(sinkhorn(together, epsilon=0.05, num_iterations=3)[:4])
        torch.testing.assert_close(method.queues[view].keys[:4], embeddings[view].detach())
        torch.testing.assert_close(method.queues[view].keys[4:], held[view][4:])
    assert loss == pytest.approx(swapped_prediction(scores, codes, temperature=0.1).item(), abs=1e-10)


def test_training_resumes_from_its_state(request_of):
    first, second = (build(request_of, "swav", swav={**SMALL, "queue_length": 8}) for _ in range(2))
    first.step_losses(batch_of(), 0)
    second.load_state_dict(first.state_dict())
    assert [queue.pointer for queue in second.queues] == [4, 4]
