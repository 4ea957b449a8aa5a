"""How fast training is, how long it waits for data, how much memory it takes, how much of the device it uses."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils.flop_counter import FlopCounterMode

TERA, GIB = 1e12, 2**30


class Speed:
    """Measures this process between two lines of the log.

    Args:
        device: that the networks run on.
        peak_teraflops: what the device can do per second in the precision used, in 1e12 floating-point operations; 0 if
            unknown, then no utilisation is reported.
    """

    def __init__(self, device: torch.device, peak_teraflops: float = 0.0) -> None:
        self.device, self.peak_teraflops = device, peak_teraflops
        self._flops_per_step: int | None = None
        self._start, self._waited_s = time.monotonic(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the block as waiting for data."""
        start = time.monotonic()
        yield
        self._waited_s += time.monotonic() - start

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the floating-point operations of the block, a step, if that has not been done and the peak is known."""
        if not self.peak_teraflops or self._flops_per_step is not None:
            yield
            return
        # operations inside a compiled network would not be counted
        with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False) as counter:
            yield
        self._flops_per_step = counter.get_total_flops()

    def take(self, num_steps: int, num_images: int) -> dict[str, float]:
        """Measures since the last call, for the given numbers of steps and images (of all processes)."""
        now = time.monotonic()
        seconds = max(now - self._start, 1e-9)
        found = {
            "images_per_s": num_images / seconds,
            "data_wait_share": min(self._waited_s / seconds, 1.0),
            "peak_memory_gib": peak_memory_bytes(self.device) / GIB,
        }
        if self._flops_per_step is not None:
            found["mfu"] = self._flops_per_step * num_steps / seconds / (self.peak_teraflops * TERA)
        self._start, self._waited_s = now, 0.0
        return found


def peak_memory_bytes(device: torch.device) -> float:
    """The most memory held at once: by tensors on a GPU, else by the process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0  # Linux counts kilobytes
