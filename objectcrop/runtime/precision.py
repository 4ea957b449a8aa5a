"""What networks compute in: bfloat16 where the device has it natively, float32 elsewhere; chosen in the computing process."""

import os
import sys
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from objectcrop.runtime.distributed import World
from objectcrop.study.settings.section import Precision

Computed = Literal["float32", "bfloat16"]

_CAPABILITY = (8, 0)
"""Of CUDA devices: Ampere and later have tensor cores for bfloat16."""


def has_native_bfloat16(device: torch.device) -> bool:
    """Return whether the device computes convolutions in bfloat16 natively.

    A GPU does from compute capability 8.0 on. A CPU does if oneDNN has kernels for it (AVX-512, AMX); elsewhere torch falls
    back to a loop that is about ten times slower than float32.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _CAPABILITY
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def resolve_precision(asked: Precision, device: torch.device) -> Computed:
    """Return what networks on `device` compute in; `bfloat16` asked for by name where it is slow is warned about once."""
    if asked == "float32":
        return "float32"
    is_native = has_native_bfloat16(device)
    if asked == "auto":
        return "bfloat16" if is_native else "float32"
    if not is_native:
        _warn_of_slow_bfloat16(device.type)
    return "bfloat16"


def agreed_precision(asked: Precision, world: World) -> Computed:
    """Return the same in all processes: float32 if `auto` finds that the device of one is not made for bfloat16."""
    return "float32" if world.any(resolve_precision(asked, world.device) == "float32") else "bfloat16"


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the context in which networks on `device` run; losses stay outside."""
    kind = "cpu" if device.type == "meta" else device.type  # where nothing is computed, nothing is cast
    return torch.autocast(kind, torch.bfloat16, enabled=resolve_precision(precision, device) == "bfloat16")


def widened(values: Tensor) -> Tensor:
    """Return narrow floats as float32, the precision that losses are computed in; float64 stays as it is."""
    return values if values.dtype == torch.float64 else values.float()


def describe_precision(asked: Precision, device: torch.device) -> str:
    """Return one line for the log: what is computed in, and why."""
    computed = resolve_precision(asked, device)
    if asked != "auto":
        return f"precision {computed}, as asked for"
    has = "has" if computed == "bfloat16" else "has no"
    return f"precision {computed} (auto: this {_name(device.type)} {has} native bfloat16)"


@cache
def _warn_of_slow_bfloat16(device_type: str) -> None:
    if os.environ.get("RANK", "0") != "0":  # one of several processes warns for all
        return
    cost = (
        "convolutions take 9 to 14 times as long as in float32 (measured)" if device_type == "cpu" else "it is emulated"
    )
    print(
        f"warning: precision bfloat16 on a {_name(device_type)} without native bfloat16: {cost}; set precision auto",
        file=sys.stderr,
        flush=True,
    )


def _name(device_type: str) -> str:
    return "GPU" if device_type == "cuda" else "CPU"
