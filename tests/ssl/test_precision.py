"""What stays float32 when the networks run in bfloat16, and that layouts of memory change nothing."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from objectcrop.networks.backbones import seeded_weights
from objectcrop.networks.batch_norm import SplitBatchNorm2d
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.views.batches import PairBatch
from tests.ssl.wiring import setup_of


def batch():
    generator = torch.Generator().manual_seed(0)
    images = [torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8, generator=generator) for _ in range(2)]
    ones = torch.ones(8, dtype=torch.long)
    return PairBatch(*images, ones, ones, 0 * ones, None, None, torch.arange(8))


def method(request_of, precision):
    # without batch norm in the projector and with groups of four the step is tame enough to compare
    run = request_of(
        "scene-scene",
        optimizer={"precision": precision, "global_batch_size": 8},
        moco={"batch_norm_group": 4, "projector_batch_norm": False},
    ).run
    with seeded_weights(0):
        return MocoV2(setup_of(run))


class _Convolutions(TorchDispatchMode):
    """Notes the types that convolutions compute in."""

    def __init__(self):
        super().__init__()
        self.types = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default:
            self.types.add(args[0].dtype)
        return func(*args, **(kwargs or {}))


def test_networks_run_in_bfloat16_and_losses_momentum_and_statistics_in_float32(request_of):
    narrow = method(request_of, "bfloat16")
    before = [key.clone() for key in narrow.key_encoder.parameters()]
    with torch.no_grad():
        for parameter in narrow.network.parameters():
            parameter.mul_(1.001)  # a change that bfloat16 could not represent
    moved = [0.9 * key + 0.1 * query for key, query in zip(before, narrow.network.encoder.parameters(), strict=True)]
    with _Convolutions() as convolutions:
        losses = narrow.step_losses(batch(), 0)
        losses.total.backward()
    assert convolutions.types == {torch.bfloat16}
    assert {losses.total.dtype, *(part.dtype for part in losses.parts.values())} == {torch.float32}
    assert {parameter.grad.dtype for parameter in narrow.network.parameters()} == {torch.float32}
    floats = [
        value for value in narrow.state_dict().values() if isinstance(value, torch.Tensor) and value.is_floating_point()
    ]
    assert {value.dtype for value in floats} == {torch.float32}
    for key, expected in zip(narrow.key_encoder.parameters(), moved, strict=True):
        torch.testing.assert_close(key, expected, rtol=1e-6, atol=1e-9)


def test_a_step_in_bfloat16_is_near_that_in_float32(request_of):
    losses = [
        method(request_of, precision).step_losses(batch(), 0).total.item() for precision in ("float32", "bfloat16")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("group", [0, 4])
def test_statistics_of_bfloat16_maps_are_taken_in_float32(group):
    layer = SplitBatchNorm2d(3, group=group)
    # in bfloat16 a sum over many values near 100 stops growing
    maps = (100 + torch.randn(8, 3, 40, 40, generator=torch.Generator().manual_seed(0))).bfloat16()
    layer(maps)
    wanted = 0.1 * maps.double().mean(dim=(0, 2, 3))
    torch.testing.assert_close(layer.running_mean.double(), wanted, rtol=1e-5, atol=0)
    assert layer.running_var.dtype == torch.float32


def test_trunks_work_on_channels_last_memory_and_give_what_they_give_on_the_other(request_of):
    trunk = method(request_of, "float32").backbone.eval()
    assert trunk.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    last = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert trunk.forward_map(last).is_contiguous(memory_format=torch.channels_last)
        expected = trunk.to(memory_format=torch.contiguous_format)(images)
        torch.testing.assert_close(trunk.to(memory_format=torch.channels_last)(last), expected, rtol=1e-4, atol=1e-5)
