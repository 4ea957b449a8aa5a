"""Split batch norm is several independent batch norms."""

import copy

import pytest
import torch
from torch import nn

from objectcrop.networks import batch_norm, between_processes
from objectcrop.networks.batch_norm import GlobalBatchNorm2d, SplitBatchNorm1d, SplitBatchNorm2d


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


class Kernels:
    """What torch documents of SyncBatchNorm's kernels, which exist on GPUs alone, of maps (N, C, H, W), in any precision."""

    @staticmethod
    def batch_norm_stats(input, eps):
        variance, mean = torch.var_mean(input, dim=(0, 2, 3), correction=0)
        return mean, (variance + eps).rsqrt()

    @staticmethod
    def batch_norm_gather_stats_with_counts(input, means, inverses, running_mean, running_var, momentum, eps, counts):
        share = (counts / counts.sum())[:, None]
        mean = (share * means).sum(dim=0)
        variance = (share * (inverses**-2 - eps + (means - mean) ** 2)).sum(dim=0)
        if running_mean is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * counts.sum() / (counts.sum() - 1), momentum)
        return mean, (variance + eps).rsqrt()

    @staticmethod
    def batch_norm_elemt(input, weight, bias, mean, inverse, eps):
        shape = (1, -1, 1, 1)
        return (input - mean.view(shape)) * (inverse * weight).view(shape) + bias.view(shape)

    @staticmethod
    def batch_norm_backward_reduce(gradient, input, mean, inverse, weight, *wanted):
        assert wanted == (True, True, True)
        sums = gradient.sum(dim=(0, 2, 3)), (gradient * (input - mean.view(1, -1, 1, 1))).sum(dim=(0, 2, 3))
        return *sums, sums[1] * inverse, sums[0]

    @staticmethod
    def batch_norm_backward_elemt(gradient, input, mean, inverse, weight, sum_dy, sum_dy_xmu, counts):
        shape, count = (1, -1, 1, 1), counts.sum()
        centred = (input - mean.view(shape)) * (inverse**2 * sum_dy_xmu / count).view(shape)
        return (gradient - (sum_dy / count).view(shape) - centred) * (inverse * weight).view(shape)


@pytest.fixture
def as_two_gpus(monkeypatch):
    """Two processes that hold the same images, with stand-ins of the kernels: their batch is the images twice."""
    for name in vars(Kernels):
        if name.startswith("batch_norm"):
            monkeypatch.setattr(torch, name, getattr(Kernels, name), raising=True)
    monkeypatch.setattr(batch_norm, "is_shared", lambda: True)
    monkeypatch.setattr(batch_norm.dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(
        between_processes, "gather_single", lambda together, values: together.copy_(values.repeat(2, 1))
    )
    monkeypatch.setattr(batch_norm.dist, "all_reduce", lambda values: values.mul_(2))
    monkeypatch.setattr(batch_norm, "_is_on_gpu", lambda values: True)


@pytest.mark.parametrize("moves", [True, False])
def test_the_kernels_of_gpus_are_asked_for_batch_norm_of_the_whole_batch(as_two_gpus, moves):
    torch.manual_seed(0)
    ours = filled(GlobalBatchNorm2d(3)).double()
    plain = nn.BatchNorm2d(3).double()
    plain.load_state_dict(ours.state_dict())
    ours.track_running_stats = plain.track_running_stats = moves
    images = torch.randn(4, 3, 5, 5, dtype=torch.float64).contiguous(memory_format=torch.channels_last) * 3 + 2
    slopes = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    mine, both = images.clone().requires_grad_(), images.repeat(2, 1, 1, 1).requires_grad_()
    outputs = ours(mine)
    (outputs * slopes).sum().backward()
    moved = (plain.running_mean, plain.running_var) if moves else (None, None)
    expected = nn.functional.batch_norm(both, *moved, plain.weight, plain.bias, training=True)
    plain.num_batches_tracked += moves
    (expected * slopes.repeat(2, 1, 1, 1)).sum().backward()
    torch.testing.assert_close(outputs, expected[:4], rtol=0, atol=1e-12)
    torch.testing.assert_close(mine.grad, both.grad[:4], rtol=0, atol=1e-12)
    torch.testing.assert_close(2 * ours.weight.grad, plain.weight.grad, rtol=0, atol=1e-10)
    torch.testing.assert_close(2 * ours.bias.grad, plain.bias.grad, rtol=0, atol=1e-10)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(ours, name), getattr(plain, name), rtol=0, atol=1e-12)


def test_gpus_keep_the_maps_of_batch_norm_once(as_two_gpus):
    saved = []
    norm = GlobalBatchNorm2d(8)
    images = torch.randn(4, 8, 6, 6, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda value: saved.append(value) or value, lambda value: value):
        norm(images)
    assert [value.shape for value in saved if value.dim() == 4] == [images.shape]
    assert sum(value.nbytes for value in saved) < 1.2 * images.nbytes
