"""The machine that a job ran on, and what of it computed, in a few words."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")
SETS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""Instruction sets that decide how fast networks are."""


def describe_machine() -> dict[str, Any]:
    """Return the processor, its instruction sets of interest, and the cores that this process may use."""
    facts = _cpu_facts()
    flags = facts.get("flags", "").split()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "instruction_sets": [name for name in SETS if name in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def describe_device() -> dict[str, Any]:
    """Return what this process computed on: GPUs if it has used one, else the processor, with what decides its last bits.

    PyTorch is asked only where it is loaded already: a process without it has computed on the processor.

    Returns:
        `kind` ("cuda" or "cpu"), `name`, and `num_gpus`, one for each process of the job. Of GPUs also the versions of `cuda` and
        `cudnn`; of a processor `kernels`, the instruction set that PyTorch's own kernels are of, and `num_threads`.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        versions = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        num_gpus = int(os.environ.get("WORLD_SIZE", "1"))
        return {"kind": "cuda", "name": torch.cuda.get_device_name(), "num_gpus": num_gpus, **versions}
    found = {"kind": "cpu", "name": describe_machine()["processor"], "num_gpus": 0}
    if torch is None:
        return found
    return found | {"kernels": torch.backends.cpu.get_cpu_capability(), "num_threads": torch.get_num_threads()}


def _cpu_facts() -> dict[str, str]:
    if not CPU_INFO.is_file():
        return {}
    first = CPU_INFO.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
