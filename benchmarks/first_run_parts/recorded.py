"""What Snakemake recorded of a run, and of what machine."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

from objectcrop.runtime.precision import resolve_precision


class RuleCost(NamedTuple):
    """Jobs of a rule."""

    rule: str
    num_jobs: int
    mean_s: float


def rule_costs(metadata: Path) -> list[RuleCost]:
    """Return costs by rule, the dearest first; a job leaves one record for each of its outputs."""
    jobs: dict[str, dict[str, float]] = {}
    for path in metadata.rglob("*"):
        if path.is_file():
            record = json.loads(path.read_text(encoding="utf-8"))
            # a job has one log
            jobs.setdefault(record["rule"], {})[str(record["log"])] = record["endtime"] - record["starttime"]
    costs = [RuleCost(rule, len(own), sum(own.values()) / len(own)) for rule, own in jobs.items()]
    return sorted(costs, key=lambda cost: -cost.num_jobs * cost.mean_s)


def machine() -> str:
    """Processor and its instruction set in a few words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    precision = resolve_precision("auto", torch.device("cpu"))
    return (
        f"{model}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}, auto is {precision}; "
        f"{platform.system()} {platform.machine()}"
    )


def versions() -> dict[str, str]:
    """Versions of what computes."""
    packages = ("torch", "torchvision", "snakemake", "numpy")
    return {package: version(package) for package in packages} | {"python": platform.python_version()}
