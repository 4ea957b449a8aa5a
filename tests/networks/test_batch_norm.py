"""Split batch norm is several independent batch norms."""

import copy

import pytest
import torch
from torch import nn

from objectcrop.networks.batch_norm import SplitBatchNorm1d, SplitBatchNorm2d


def filled(layer):
    with torch.no_grad():
        layer.weight.copy_(torch.rand(layer.num_features) + 0.5)
        layer.bias.copy_(torch.randn(layer.num_features))
    return layer


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_groups_are_normalised_as_by_batch_norms_of_their_own(memory_format):
    torch.manual_seed(0)
    split = filled(SplitBatchNorm2d(3, group=4)).double()
    images = torch.randn(12, 3, 5, 5, dtype=torch.float64).contiguous(memory_format=memory_format)
    alone = []
    for _ in range(3):
        layer = nn.BatchNorm2d(3).double()
        layer.load_state_dict(split.state_dict())
        alone.append(layer)
    expected = torch.cat([layer(part) for layer, part in zip(alone, images.split(4), strict=True)])
    normalised = split(images)
    torch.testing.assert_close(normalised, expected, rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(layer, name) for layer in alone]).mean(dim=0)
        torch.testing.assert_close(getattr(split, name), mean, rtol=0, atol=1e-12)
    assert split.num_batches_tracked == 1


def test_group_zero_is_the_whole_batch():
    torch.manual_seed(0)
    split, plain = SplitBatchNorm2d(3, group=0), nn.BatchNorm2d(3)
    images = torch.randn(8, 3, 4, 4)
    torch.testing.assert_close(split(images), plain(images))
    torch.testing.assert_close(split.running_var, plain.running_var)


def test_evaluation_uses_running_statistics():
    torch.manual_seed(0)
    split, plain = SplitBatchNorm2d(3, group=2), nn.BatchNorm2d(3)
    split(torch.randn(8, 3, 4, 4))
    plain.load_state_dict(split.state_dict())
    images = torch.randn(8, 3, 4, 4)
    torch.testing.assert_close(split.eval()(images), plain.eval()(images))


def test_state_has_the_names_of_plain_batch_norm():
    assert list(SplitBatchNorm2d(3, group=2).state_dict()) == list(nn.BatchNorm2d(3).state_dict())


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_any_number_of_rows_passes_and_gives_gradients(rows):
    layer = SplitBatchNorm1d(3, group=2)
    layer(torch.randn(rows, 3)).sum().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.running_var).all()
    assert torch.isfinite(layer.weight.grad).all()


def test_maps_are_rejected_by_the_layer_for_vectors():
    with pytest.raises(ValueError, match=r"shape \(N, C\)"):
        SplitBatchNorm1d(3, group=2)(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("shape", [(12, 3, 5, 5), (12, 3)])
def test_the_form_for_compilers_is_the_same_with_its_gradients_and_statistics(shape):
    torch.manual_seed(0)
    layer = {2: SplitBatchNorm1d, 4: SplitBatchNorm2d}[len(shape)](3, group=4)
    by_parts, at_once = filled(layer).double(), copy.deepcopy(layer).double()
    first = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    second = first.detach().clone().requires_grad_()
    weights = torch.randn(shape, dtype=torch.float64)
    expected, normalised = by_parts(first), at_once._normalise_at_once(second, 3)
    torch.testing.assert_close(normalised, expected, rtol=0, atol=1e-12)
    (expected * weights).sum().backward()
    (normalised * weights).sum().backward()
    torch.testing.assert_close(second.grad, first.grad, rtol=0, atol=1e-12)
    torch.testing.assert_close(at_once.weight.grad, by_parts.weight.grad, rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(at_once, name), getattr(by_parts, name), rtol=0, atol=1e-12)
