"""Batch norm over parts of a device's batch, so that one device behaves as several small ones do, or over all devices."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import gather_single


class _SplitBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose statistics are those of consecutive groups of images; names in the state are `BatchNorm2d`'s.

    A batch of N images is cut into N // group parts of nearly equal size. In evaluation, or if only one value per channel
    is there (one row of a projector), the running statistics are used. A forward pass moves them once, by the mean over the
    groups, or not at all in a block of `running_statistics_kept`.
    """

    def __init__(self, num_features: int, *, group: int) -> None:
        super().__init__(num_features)
        self.group = group

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; `input` has shape (N, C) or (N, C, H, W)."""
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        values = input.numel() // self.num_features
        if not self.training or values < 2:
            return F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        parts = max(1, len(input) // self.group) if self.group else 1
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        if self.track_running_stats:
            self.num_batches_tracked += 1
        if parts == 1:
            return self._normalise(input, *self._moved())
        if torch.compiler.is_compiling() and len(input) % parts == 0:
            return self._normalise_at_once(input, parts)
        if not self.track_running_stats:
            return torch.cat([self._normalise(part, None, None) for part in input.tensor_split(parts)])
        means, variances = self.running_mean.repeat(parts, 1), self.running_var.repeat(parts, 1)
        outputs = [
            self._normalise(part, mean, variance)
            for part, mean, variance in zip(input.tensor_split(parts), means, variances, strict=True)
        ]
        self.running_mean.copy_(means.mean(dim=0))
        self.running_var.copy_(variances.mean(dim=0))
        return torch.cat(outputs)

    def _normalise_at_once(self, input: Tensor, parts: int) -> Tensor:
        """The same by axes: one loop when compiled, many more passes over memory when not."""
        assert self.running_mean is not None
        assert self.running_var is not None
        values = input if input.dtype == torch.float64 else input.float()
        values = values.reshape(parts, len(input) // parts, *input.shape[1:])
        axes = [1, *range(3, values.dim())]
        variances, means = torch.var_mean(values, dim=axes, correction=0, keepdim=True)
        shape = [1, 1, -1, *(1 for _ in axes[1:])]
        scale, shift = self.weight.reshape(shape), self.bias.reshape(shape)
        outputs = (values - means) * torch.rsqrt(variances + self.eps) * scale + shift
        if self.track_running_stats:
            count = values.numel() // (parts * self.num_features)
            with torch.no_grad():
                share = self.momentum or 0.0
                self.running_mean.lerp_(means.mean(dim=0).flatten().to(self.running_mean), share)
                unbiased = variances.mean(dim=0).flatten() * (count / (count - 1))
                self.running_var.lerp_(unbiased.to(self.running_var), share)
        return outputs.reshape(input.shape).to(input.dtype)

    def _moved(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the statistics that this forward pass updates."""
        return (self.running_mean, self.running_var) if self.track_running_stats else (None, None)

    def _normalise(self, input: Tensor, mean: Tensor | None, variance: Tensor | None) -> Tensor:
        return F.batch_norm(
            input, mean, variance, self.weight, self.bias, training=True, momentum=self.momentum or 0.0, eps=self.eps
        )


class SplitBatchNorm2d(_SplitBatchNorm):
    """For maps, shape (N, C, H, W)."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() != 4:
            raise ValueError(f"expected maps of shape (N, C, H, W), got {tuple(input.shape)}")


class SplitBatchNorm1d(_SplitBatchNorm):
    """For vectors, shape (N, C)."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() != 2:
            raise ValueError(f"expected vectors of shape (N, C), got {tuple(input.shape)}")


@contextmanager
def running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Leave the running statistics of every batch norm of `network` alone for the length of the block.

    In training mode the passes of the block are normalised by their own batch's statistics, as ever; they are just not
    counted. What is exported is then of one kind of view: see decision 0004.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    before = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, was_tracking in zip(norms, before, strict=True):
            norm.track_running_stats = was_tracking


def is_shared() -> bool:
    """Return whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


class _GlobalBatchNorm(_SplitBatchNorm):
    """Batch norm whose statistics are those of the rows of all processes (SyncBN); names in the state are `BatchNorm2d`'s.

    Written out, since torch's own does not run in processes on CPUs. Processes may hold different numbers of rows, none at all too.
    In one process it is plain batch norm.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, group=0)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; `input` has shape (N, C) or (N, C, H, W)."""
        if not self.training or not is_shared():
            return super().forward(input)
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        values = input if input.dtype == torch.float64 else input.float()
        axes, shape = [0, *range(2, input.dim())], (1, -1, *(1 for _ in range(2, input.dim())))
        count = values.new_full((1,), input.numel() // self.num_features)
        sums = _sum_over_processes(torch.cat([values.sum(dim=axes), count]))
        count = sums[-1].detach()
        mean = sums[:-1] / count.clamp(min=1)
        centred = values - mean.reshape(shape)
        variance = _sum_over_processes(centred.square().sum(dim=axes)) / count.clamp(min=1)
        if self.track_running_stats:
            self._remember(mean.detach(), variance.detach(), count)
        # one value per channel in all: as elsewhere, the running statistics are used
        assert self.running_mean is not None
        assert self.running_var is not None
        is_one = count < 2
        centred = torch.where(is_one, values - self.running_mean.reshape(shape), centred)
        variance = torch.where(is_one, self.running_var, variance)
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale.reshape(shape) + self.bias.reshape(shape)).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        share = (count >= 2).to(self.running_mean) * (self.momentum or 0.0)
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        unbiased = variance * count / (count - 1).clamp(min=1)
        self.running_var.lerp_(unbiased.to(self.running_var), share)
        self.num_batches_tracked += 1


class GlobalBatchNorm2d(_GlobalBatchNorm):
    """For maps, shape (N, C, H, W). On CUDA by torch's own kernels, which keep the maps for the backward pass and no more."""

    _check_input_dim = SplitBatchNorm2d._check_input_dim

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        if not (self.training and is_shared() and _is_on_gpu(input)):
            return super().forward(input)
        self._check_input_dim(input)
        if self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
        outputs: Tensor = _NormOverGpus.apply(
            input, self.weight, self.bias, *self._moved(), self.eps, self.momentum or 0.0
        )
        return outputs


class GlobalBatchNorm1d(_GlobalBatchNorm):
    """For vectors, shape (N, C)."""

    _check_input_dim = SplitBatchNorm1d._check_input_dim


class _NormOverGpus(torch.autograd.Function):
    """Batch norm over all processes, by the CUDA kernels of `nn.SyncBatchNorm`, whose values it has.

    That module leaves processes without rows out by a mask, for which the host waits in every layer. Here each process has
    rows: maps are of its share of the batch.
    """

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        eps: float,
        momentum: float,
    ) -> Tensor:
        """Normalise, and move the running statistics where they are given."""
        channels = input.shape[1]
        mean, deviation = torch.batch_norm_stats(input, eps)  # its inverse
        count = mean.new_full((1,), input.numel() // channels)
        together = _of_all_processes(torch.cat([mean, deviation, count]))
        means, deviations, counts = together.split([channels, channels, 1], dim=1)
        mean, deviation = torch.batch_norm_gather_stats_with_counts(
            input,
            means.contiguous(),
            deviations.contiguous(),
            running_mean,
            running_var,
            momentum,
            eps,
            counts.flatten(),
        )
        ctx.save_for_backward(input, weight, mean, deviation, counts.flatten().int())
        normalised: Tensor = torch.batch_norm_elemt(input, weight, bias, mean, deviation, eps)
        return normalised

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return gradients of the input, and of weight and bias by this process's rows alone."""
        input, weight, mean, deviation, counts = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=_format_of(input))
        *sums, of_weight, of_bias = torch.batch_norm_backward_reduce(
            gradient, input, mean, deviation, weight, True, True, True
        )
        total = torch.cat(sums)
        dist.all_reduce(total)
        of_input = torch.batch_norm_backward_elemt(gradient, input, mean, deviation, weight, *total.chunk(2), counts)
        return of_input, of_weight, of_bias, None, None, None, None


def _is_on_gpu(values: Tensor) -> bool:
    return values.is_cuda


def _format_of(maps: Tensor) -> torch.memory_format:
    is_last = maps.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


def _of_all_processes(values: Tensor) -> Tensor:
    """The vectors of all processes, shape (processes, n)."""
    together = values.new_empty(dist.get_world_size(), len(values))
    gather_single(together, values)
    return together


class _SumOverProcesses(torch.autograd.Function):
    """The sum of all processes' values, on each of them; the gradient of a value is the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Add up."""
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Add up the gradients."""
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _sum_over_processes(values: Tensor) -> Tensor:
    total: Tensor = _SumOverProcesses.apply(values)
    return total
