"""What batch norm computes together with other processes, with its gradients."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from objectcrop.runtime.distributed import gather_single


class NormOverGpus(torch.autograd.Function):
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
        means, deviations, counts = torch.split(together, [channels, channels, 1], dim=1)
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
        slopes, products = total.chunk(2)
        of_input = torch.batch_norm_backward_elemt(gradient, input, mean, deviation, weight, slopes, products, counts)
        return of_input, of_weight, of_bias, None, None, None, None


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


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of all processes' values, on each of them, with its gradient."""
    total: Tensor = _SumOverProcesses.apply(values)
    return total
