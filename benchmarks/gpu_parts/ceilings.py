"""What a device can do at most: multiplications of matrices, copies in its memory, copies from the host."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

TERA, GIGA = 1e12, 1e9


class Ceilings(NamedTuple):
    """Rates, each the best of several repeats.

    Attributes:
        teraflops: dense bfloat16 products of square matrices, 1e12 operations a second.
        memory_gb_per_s: bytes read and written by a copy in the device's memory.
        host_gb_per_s: bytes copied from the host's locked memory.
    """

    teraflops: float
    memory_gb_per_s: float
    host_gb_per_s: float


def wait(device: torch.device) -> None:
    """Return when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def best_seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the shortest time of some work on a device, after one run that warms up."""
    times = []
    for _ in range(repeats + 1):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def measure_ceilings(device: torch.device, side: int, mebibytes: int, repeats: int = 10) -> Ceilings:
    """Measure a device.

    Args:
        device: GPU, or CPU to try the command.
        side: of the matrices.
        mebibytes: of the block that is copied.
        repeats: of each.
    """
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    product_s = best_seconds(lambda: left @ right, device, repeats)
    block = torch.zeros(mebibytes << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(block)
    copy_s = best_seconds(lambda: target.copy_(block), device, repeats)
    host = torch.zeros(mebibytes << 20, dtype=torch.uint8, pin_memory=device.type == "cuda")
    host_s = best_seconds(lambda: target.copy_(host, non_blocking=True), device, repeats)
    return Ceilings(2 * side**3 / product_s / TERA, 2 * block.numel() / copy_s / GIGA, host.numel() / host_s / GIGA)
