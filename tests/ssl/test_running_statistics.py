"""The running statistics of the exported trunk are of the contrastive views alone (decision 0004, point 6)."""

import pytest
import torch
from torch import nn

from objectcrop.networks.batch_norm import GlobalBatchNorm2d, SplitBatchNorm2d, running_statistics_kept
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build

BOTH = {"rotation": 1.0, "localization": 1.0, "patches": 3}
CASES = {
    "moco_v2": ("moco_v2", {}, 1),
    "densecl": ("densecl", {}, 1),
    "byol": ("byol", {"byol": {"hidden_dims": 8, "embedding_dims": 8}}, 2),
    "swav": ("swav", {"swav": {"hidden_dims": 8, "embedding_dims": 8, "num_prototypes": 9}}, 1),
    "cmc-one": ("cmc", {"cmc": {"embedding_dims": 8, "num_negatives": 4, "crops": "one"}}, 1),
    "cmc-two": ("cmc", {"cmc": {"embedding_dims": 8, "num_negatives": 4, "crops": "two"}}, 2),
    "insdis-one": ("insdis", {"insdis": {"embedding_dims": 8, "num_negatives": 4, "crops": "one"}}, 1),
    "insdis-two": ("insdis", {"insdis": {"embedding_dims": 8, "num_negatives": 4, "crops": "two"}}, 2),
}


def statistics_after_a_step(request_of, name, losses):
    method, settings, _ = CASES[name]
    built_method = build(request_of, method, views=OBJECT_PAIR, losses=losses, **settings)
    built_method.train()
    built_method.step_losses(batch_of(query_tags=(0, 1, 0, 1), key_tags=(1, 0, 1, 0)), 0).total.backward()
    norms = [
        module for module in built_method.backbone.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]
    return {name: buffer.clone() for norm in norms[:3] for name, buffer in norm.named_buffers()}, norms


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", CASES)
def test_extra_losses_leave_the_running_statistics_of_the_trunk_alone(request_of, name):
    plain, _ = statistics_after_a_step(request_of, name, {})
    extra, norms = statistics_after_a_step(request_of, name, BOTH)
    assert {int(norm.num_batches_tracked) for norm in norms} == {CASES[name][2]}
    for buffer, expected in plain.items():
        torch.testing.assert_close(extra[buffer], expected, rtol=0, atol=0)
    assert all(norm.track_running_stats for norm in norms)


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm2d(3), SplitBatchNorm2d(3, group=0), SplitBatchNorm2d(3, group=2), GlobalBatchNorm2d(3)],
    ids=["plain", "one-group", "groups", "global"],
)
def test_a_pass_that_is_not_counted_is_normalised_by_its_own_batch(layer):
    images = 5 + torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    layer = layer.double()
    counted = layer.train()(images)
    before = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    with running_statistics_kept(layer):
        uncounted = layer(images)
    assert torch.equal(counted, uncounted)
    assert all(torch.equal(buffer, before[name]) for name, buffer in layer.named_buffers())
    layer(images)
    assert int(layer.num_batches_tracked) == 2


def test_statistics_are_counted_again_after_an_error():
    layer = SplitBatchNorm2d(3, group=2)
    with pytest.raises(ValueError, match="expected maps"), running_statistics_kept(layer):
        layer(torch.zeros(2, 3))
    assert layer.track_running_stats
