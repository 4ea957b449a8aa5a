"""The machine that a job ran on, in a few words."""

import os
import platform
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


def _cpu_facts() -> dict[str, str]:
    if not CPU_INFO.is_file():
        return {}
    first = CPU_INFO.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
