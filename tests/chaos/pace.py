"""How long the jobs of a study take and who reads which file, from one that was left alone."""

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple


class Pace(NamedTuple):
    """What is known of an undisturbed study.

    Attributes:
        seconds: of a job, by rule.
        readers: files that were made from a file, by its path.
    """

    seconds: dict[str, float]
    readers: dict[str, set[str]]


def pace_of(folder: Path) -> Pace:
    """Read the records and benchmarks of a finished study."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for path in _benchmarks(folder):
        seconds[path.relative_to(folder / "benchmarks/jobs").parts[0]].append(
            float(path.read_text().split("\n")[1].split()[0])
        )
    readers: dict[str, set[str]] = defaultdict(set)
    for path in folder.glob("results/**/.records/*.json"):
        record = json.loads(path.read_text())
        for entries in record["inputs"].values():
            for entry in entries:
                readers[entry["path"]].add(record["file"])
    means = {rule: sum(values) / len(values) for rule, values in seconds.items()}
    return Pace(means, dict(readers))


def num_finished(folder: Path) -> int:
    """Return how many jobs have ended well."""
    return len(_benchmarks(folder))


def _benchmarks(folder: Path) -> list[Path]:
    return list(folder.glob("benchmarks/jobs/**/*.tsv"))
