"""DenseCL: both losses of a step written out, its two queues, and who gets a gradient."""

import copy

import pytest
import torch
from torch.nn.functional import normalize

from objectcrop.runtime.randomness import generator
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

MIXED = {"query_tags": (0, 1, 1, 0), "key_tags": (1, 0, 0, 1)}
PLAIN = {"projector_batch_norm": False, "batch_norm_group": 0}


def cross_entropy_of_the_first(logits):
    return torch.logsumexp(logits, dim=0) - logits[0]


def reference(network, key_encoder, queues, batch, weight):
    """The loss of a step by loops over images and positions, and what goes into the queues."""
    encoder = network.encoder
    for slow, fast in zip(key_encoder.parameters(), encoder.parameters(), strict=True):
        slow.data = 0.9 * slow + 0.1 * fast.data
    f_q = encoder.backbone.forward_map(ready(batch.query))
    order = torch.from_numpy(generator(0, "shuffle", 1, 0).permutation(4))
    f_k = torch.empty_like(f_q)
    f_k[order] = key_encoder.backbone.forward_map(ready(batch.key)[order]).detach()
    q = normalize(encoder.projector.head(f_q.mean(dim=(2, 3))), dim=1)
    k = normalize(key_encoder.projector.head(f_k.mean(dim=(2, 3))), dim=1).detach()
    r, t = (e.dense_projector.head(f).flatten(2) for e, f in ((encoder, f_q), (key_encoder, f_k)))
    t, pooled = t.detach(), normalize(t.detach().mean(dim=2), dim=1)
    whole, dense = [], []
    for i in range(4):
        whole.append(cross_entropy_of_the_first(torch.cat([(q[i] @ k[i])[None], queues[0] @ q[i]]) / 0.2))
        for s in range(r.shape[2]):
            cosines = normalize(f_k[i].flatten(1), dim=0).T @ normalize(f_q[i].flatten(1)[:, s], dim=0)
            query, key = normalize(r[i, :, s], dim=0), normalize(t[i, :, cosines.argmax()], dim=0)
            dense.append(cross_entropy_of_the_first(torch.cat([(query @ key)[None], queues[1] @ query]) / 0.2))
    return (1 - weight) * sum(whole) / len(whole) + weight * sum(dense) / len(dense), k, pooled


@pytest.mark.parametrize("weight", [0.5, 0.3])
def test_a_step_is_the_papers_formula(request_of, weight):
    # 64 px: maps of 2 x 2 positions
    method = build(request_of, "densecl", moco=PLAIN, densecl={"dense_weight": weight})
    batch = batch_of()
    batch = batch._replace(
        query=batch.query.repeat_interleave(2, 1).repeat_interleave(2, 2), key=batch.key.repeat(1, 2, 2, 1)
    )
    queues = [queue.keys.clone() for queue in (method.queue, method.dense_queue)]
    expected, k, pooled = reference(
        copy.deepcopy(method.network), copy.deepcopy(method.key_encoder), queues, batch, weight
    )
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)
    method.after_step(0, 1)
    torch.testing.assert_close(method.queue.keys[:4], k)
    torch.testing.assert_close(method.dense_queue.keys[:4], pooled)
    assert not torch.equal(*queues)


def test_the_dense_loss_may_start_later(request_of):
    method = build(request_of, "densecl", densecl={"dense_from_step": 2})
    for step in range(3):
        losses = method.step_losses(batch_of(), step)
        alone = losses.parts["loss_contrastive"].item()
        assert (losses.total.item() == pytest.approx(alone, abs=1e-12)) == (step < 2)


def test_keys_get_no_gradient_and_both_heads_do(request_of):
    method = build(request_of, "densecl", moco=PLAIN)
    method.step_losses(batch_of(), 0).total.backward()
    assert all(parameter.grad is None for parameter in method.key_encoder.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in method.network.parameters())


def test_each_head_gets_its_gradient_from_its_own_tag(request_of):
    method = build(request_of, "densecl", moco={**PLAIN, "heads": "per_view"}, views=OBJECT_PAIR)
    method.step_losses(batch_of(query_tags=(0,) * 4, key_tags=(1,) * 4), 0).total.backward()
    for projector in (method.network.encoder.projector, method.network.encoder.dense_projector):
        objects, scenes = projector.heads
        assert all(parameter.grad.abs().sum() > 0 for parameter in objects.parameters())
        assert all(parameter.grad.abs().sum() == 0 for parameter in scenes.parameters())


def test_tags_go_into_both_queues_and_same_tag_leaves_others_out(request_of):
    def loss(negatives):
        settings = {**PLAIN, "heads": "per_view", "negatives": negatives}
        method = build(request_of, "densecl", moco=settings, views=OBJECT_PAIR)
        losses = method.step_losses(batch_of(**MIXED), 0)
        method.after_step(0, 1)
        assert method.queue.tags[:4].tolist() == method.dense_queue.tags[:4].tolist() == [1, 0, 0, 1]
        return losses.parts["loss_contrastive"].item(), losses.parts["loss_dense"].item()

    mixed, same_tag = loss("mixed"), loss("same_tag")
    assert same_tag[0] < mixed[0]  # fewer terms in the sum
    assert same_tag[1] < mixed[1]
