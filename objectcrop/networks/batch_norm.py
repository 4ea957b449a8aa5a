"""Batch norm over parts of a device's batch, so that one device behaves as several small ones do, or over all devices."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.between_processes import NormOverGpus, sum_over_processes


class _SplitBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose statistics are those of consecutive groups of images; names in the state are `BatchNorm2d`'s.

    A batch of N images is cut into N // group parts of nearly equal size. In evaluation, or if only one value per channel
    is there (one row of a projector), the running statistics are used. A forward pass moves them once, by the mean over the
    groups, or not at all in a block of `running_statistics_kept`.
    """

    def __init__(self, num_features: int, *, group: int) -> None:
        super().__init__(num_features)
        self.group = group
        self.passes: tuple[int, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; `input` has shape (N, C) or (N, C, H, W)."""
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        if not self.training or self._has_one_value(input):
            return self._by_running_statistics(input)
        if self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
        first, *others = torch.split(input, list(self.passes)) if self.passes else (input,)
        outputs = self._normalised_parts(first, moves=self.track_running_stats)
        for rows in others:
            outputs += self._normalised_parts(rows, moves=False)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _has_one_value(self, input: Tensor) -> bool:
        return input.numel() // self.num_features < 2

    def _by_running_statistics(self, input: Tensor) -> Tensor:
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )

    def _normalised_parts(self, input: Tensor, *, moves: bool) -> list[Tensor]:
        """The images of one pass by groups; `moves` the running statistics or not."""
        if self._has_one_value(input):
            return [self._by_running_statistics(input)]
        parts = max(1, len(input) // self.group) if self.group else 1
        assert self.running_mean is not None
        assert self.running_var is not None
        if parts == 1:
            return [self._normalise(input, *((self.running_mean, self.running_var) if moves else (None, None)))]
        if torch.compiler.is_compiling() and len(input) % parts == 0:
            return [self._normalise_at_once(input, parts, moves=moves)]
        if not moves:
            return [self._normalise(part, None, None) for part in input.tensor_split(parts)]
        means, variances = self.running_mean.repeat(parts, 1), self.running_var.repeat(parts, 1)
        outputs = [
            self._normalise(part, mean, variance)
            for part, mean, variance in zip(input.tensor_split(parts), means, variances, strict=True)
        ]
        self.running_mean.copy_(means.mean(dim=0))
        self.running_var.copy_(variances.mean(dim=0))
        return outputs

    def _normalise_at_once(self, input: Tensor, parts: int, *, moves: bool = True) -> Tensor:
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
        if moves:
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


@contextmanager
def passes_apart(network: nn.Module, rows: Sequence[int]) -> Iterator[None]:
    """Let one forward pass of the block stand for several: each has batch statistics of its own, as if it were made alone.

    The first moves the running statistics, the others leave them alone. Split batch norm alone can do that.

    Args:
        network: whose every batch norm is split.
        rows: images of each pass.

    Raises:
        ValueError: if one is not.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if others := {type(norm).__name__ for norm in norms if not isinstance(norm, _SplitBatchNorm)}:
        raise ValueError(f"{sorted(others)} of this trunk cannot keep passes apart; set losses.passes to separate")
    for norm in norms:
        norm.passes = tuple(rows)  # type: ignore[assignment]
    try:
        yield
    finally:
        for norm in norms:
            norm.passes = ()  # type: ignore[assignment]


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
        sums = sum_over_processes(torch.cat([values.sum(dim=axes), count]))
        count = sums[-1].detach()
        mean = sums[:-1] / count.clamp(min=1)
        centred = values - mean.reshape(shape)
        variance = sum_over_processes(centred.square().sum(dim=axes)) / count.clamp(min=1)
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
        SplitBatchNorm2d._check_input_dim(self, input)  # type: ignore[arg-type]
        if self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
        outputs: Tensor = NormOverGpus.apply(
            input, self.weight, self.bias, *self._moved(), self.eps, self.momentum or 0.0
        )
        return outputs


class GlobalBatchNorm1d(_GlobalBatchNorm):
    """For vectors, shape (N, C)."""

    _check_input_dim = SplitBatchNorm1d._check_input_dim


def _is_on_gpu(values: Tensor) -> bool:
    return values.is_cuda
