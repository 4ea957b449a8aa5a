"""What bounds a step: operations over the rate of products, or bytes over the rate of the memory, whichever takes longer."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from gpu_parts.ceilings import GIGA, TERA, Ceilings
from step_parts.traffic import Traffic
from torch.utils.flop_counter import FlopCounterMode


class Work(NamedTuple):
    """What a step asks of a device.

    Attributes:
        flops: floating-point operations of products of matrices and convolutions, forward and backward.
        operator_bytes: bytes of the inputs and outputs of every operator, as if each read and wrote the device's memory.
        product_bytes: the same of products of matrices and convolutions alone: what is left if all others were fused into them.
    """

    flops: int
    operator_bytes: int
    product_bytes: int


class Bound(NamedTuple):
    """The shortest time of a step, and by what."""

    seconds: float
    limit: str


def count(step: Callable[[], object]) -> Work:
    """Run a step uncompiled, and return its work. Caches of the device are not modelled: it may move fewer bytes."""
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False) as counter, Traffic() as traffic:
        step()
    return Work(counter.get_total_flops(), traffic.bytes, traffic.product_bytes)


def bound(flops: float, num_bytes: float, ceilings: Ceilings) -> Bound:
    """Return what a step takes at least on a device of these ceilings."""
    by_products, by_memory = flops / (ceilings.teraflops * TERA), num_bytes / (ceilings.memory_gb_per_s * GIGA)
    return Bound(by_products, "products") if by_products >= by_memory else Bound(by_memory, "memory")


def roofline(work: Work, step_s: float, ceilings: Ceilings) -> dict[str, float]:
    """Return a step's work, its bounds in milliseconds, and the share of each that a measured step reached.

    A compiled step fuses operators, and can be faster than the bound by all operators; never than that by products.

    Args:
        work: of the step.
        step_s: that it took.
        ceilings: measured on the same device.
    """
    rows = {
        "TFLOP a step": work.flops / TERA,
        "GB a step, every operator": work.operator_bytes / GIGA,
        "GB a step, products alone": work.product_bytes / GIGA,
    }
    for name, num_bytes in (("every operator", work.operator_bytes), ("products alone", work.product_bytes)):
        shortest = bound(work.flops, num_bytes, ceilings)
        rows[f"bound by {name}, ms"] = 1000 * shortest.seconds
        rows[f"share of the bound by {name}"] = shortest.seconds / step_s
    return rows
