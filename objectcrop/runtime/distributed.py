"""The processes that work together: one without torchrun, one per GPU (or CPU process) with it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = timedelta(minutes=15)

gather_single: Callable[[Tensor, Tensor], Any] = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
"""From each process's rows to those of all, in one tensor; torch 2.14 gave it a new name."""


@dataclass(frozen=True)
class World:
    """Who this process is.

    Attributes:
        rank: number of this process, 0 saves and prints.
        size: number of processes.
        device: where it computes.
        networks: those whose gradients the processes average (see `in_parallel`).
    """

    rank: int
    size: int
    device: torch.device
    networks: list[DistributedDataParallel] = field(default_factory=list, compare=False)

    @property
    def is_first(self) -> bool:
        """Whether this process saves and prints."""
        return self.rank == 0

    @torch.no_grad()
    def gather(self, values: Tensor) -> Tensor:
        """Return the rows of all processes in the order of their ranks, on each of them; without gradient."""
        if self.size == 1:
            return values.detach()
        together = values.new_empty(self.size * len(values), *values.shape[1:])
        gather_single(together, values.detach().contiguous())
        return together

    def share(self, whole: Tensor, cuts: Sequence[int]) -> None:
        """Fill a vector in place with the pieces of all processes; nothing is added up, so no bit changes.

        Args:
            whole: on each process, right between `cuts[rank]` and `cuts[rank + 1]`.
            cuts: first index of each process's piece, and the length: size + 1 numbers.
        """
        if self.size > 1:
            for rank, (first, last) in enumerate(pairwise(cuts)):
                if last > first:
                    dist.broadcast(whole[first:last], src=rank)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over the processes, on each of them; `values` stay as they are and have one shape in all."""
        total = values.clone()
        if self.size > 1:
            dist.all_reduce(total)
        return total

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values / self.size

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        return self.any_of_each(flag)[0]

    def any_of_each(self, *flags: bool) -> tuple[bool, ...]:
        """Return whether each flag is set in any process, for the price of one."""
        if self.size == 1:
            return flags
        # on the CPU: nobody waits for the GPU to answer
        total = torch.tensor(flags, dtype=torch.float32)
        dist.all_reduce(total)
        return tuple((total > 0).tolist())

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.any(False)

    @contextmanager
    def reducing(self, *, is_wanted: bool) -> Iterator[None]:
        """Average the gradients of backward passes in the block, or leave them to each process until a later one."""
        before = [network.require_backward_grad_sync for network in self.networks]
        for network in self.networks:
            network.require_backward_grad_sync = is_wanted
        try:
            yield
        finally:
            for network, was_wanted in zip(self.networks, before, strict=True):
                network.require_backward_grad_sync = was_wanted


@contextmanager
def join_world(num_gpus: int) -> Iterator[World]:
    """Take the place that torchrun's environment gives (RANK, WORLD_SIZE, LOCAL_RANK); alone without one.

    Args:
        num_gpus: GPUs of the job; 0 computes on the CPU (gloo alone; with GPUs their tensors go by nccl).

    Raises:
        ValueError: if GPUs are asked for and there are none.
    """
    if num_gpus and not torch.cuda.is_available():
        raise ValueError(
            f"{num_gpus} GPU(s) asked for, PyTorch sees none; set resources.gpus of the run to 0 for the CPU"
        )
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local_rank) if num_gpus else torch.device("cpu")
    if num_gpus:
        torch.cuda.set_device(device)
    if size == 1:
        yield World(0, 1, device)
        return
    backend, bound = ("cpu:gloo,cuda:nccl", device) if num_gpus else ("gloo", None)
    dist.init_process_group(backend, timeout=TIMEOUT, device_id=bound)
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


def in_parallel(network: nn.Module, world: World, *, is_static: bool = True) -> nn.Module:
    """Wrap the network so that the processes train it together: gradients are averaged, batch norm buffers stay each one's own.

    Args:
        network: what is trained.
        world: the processes.
        is_static: whether every backward pass is like the first and its gradients are averaged (`World.reducing`).
    """
    if world.size == 1:
        return network
    # without device_ids: the wrapper would send tags to the GPU that heads read on the host
    wrapped = DistributedDataParallel(
        network,
        broadcast_buffers=False,
        gradient_as_bucket_view=True,
        static_graph=is_static,
    )
    world.networks.append(wrapped)
    return wrapped
