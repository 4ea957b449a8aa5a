"""What the jobs of a stage took, from the benchmark files that Snakemake writes: one line of tab-separated values a job."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SECONDS, CPU_SECONDS, MEMORY_MB = "s", "cpu_time", "max_rss"


def read_costs(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return costs by rule, in the order of the files: number of jobs, their seconds, processor seconds and greatest memory.

    A value that Snakemake could not measure (a job of less than its interval) is left out of sums; None if all are.

    Args:
        paths: FOLDER/RULE/JOB.tsv.

    Raises:
        ValueError: naming the file, if it is none of these.
    """
    rows: dict[str, list[dict[str, float | None]]] = {}
    for path in paths:
        rows.setdefault(path.parent.name, []).append(_read(path))
    return {rule: _summary(of_rule) for rule, of_rule in rows.items()}


def _read(path: Path) -> dict[str, float | None]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    if not lines or SECONDS not in lines[-1]:
        raise ValueError(f"{path}: not a benchmark file of Snakemake; remove it and run its rule again")
    return {name: _number(lines[-1].get(name)) for name in (SECONDS, CPU_SECONDS, MEMORY_MB)}


def _number(text: str | None) -> float | None:
    return None if text in (None, "", "-", "NA") else float(text)


def _summary(rows: list[dict[str, float | None]]) -> dict[str, Any]:
    measured = {name: [row[name] for row in rows if row[name] is not None] for name in rows[0]}
    return {
        "num_jobs": len(rows),
        "seconds": sum(value for value in measured[SECONDS] if value is not None),
        "cpu_seconds": sum(value for value in measured[CPU_SECONDS] if value is not None)
        if measured[CPU_SECONDS]
        else None,
        "max_memory_mb": max(value for value in measured[MEMORY_MB] if value is not None)
        if measured[MEMORY_MB]
        else None,
    }
