"""Several fine-tunings of one backbone: results on VOC differ by 0.2 to 0.4 AP from one seed to the next (MoCo's notes)."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from objectcrop.evaluate.detection.request import FineTuning

RESULT = "result.json"
SEED_STRIDE = 7907  # a prime: seeds of a study are small numbers


def repeats_of(job: FineTuning) -> list[FineTuning]:
    """Return the fine-tunings of a job, each with a seed and a folder of its own; the job itself if it is one."""
    count = job.task.repeats
    if count == 1:
        return [job]
    return [
        replace(
            job,
            label=f"{job.label} {number + 1}/{count}",
            seed=job.seed + SEED_STRIDE * number,
            checkpoints=job.checkpoints / f"repeat-{number}",
        )
        for number in range(count)
    ]


def joined(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the result of a job from those of its fine-tunings.

    Metrics and classes are means; None where one of them has no value. `details` has the metrics of each under `repeats`, and under
    `deviation` their sample standard deviations.
    """
    if len(results) == 1:
        return dict(results[0])
    metrics = [result["metrics"] for result in results]
    details = results[0]["details"] | {"repeats": metrics, "deviation": _by_name(metrics, statistics.stdev)}
    return {
        **results[0],
        "metrics": _by_name(metrics, statistics.fmean),
        "per_class": _by_name([result["per_class"] for result in results], statistics.fmean),
        "details": details,
    }


def _by_name(values: Sequence[Mapping[str, float | None]], reduce: Any) -> dict[str, float | None]:
    columns = {name: [value[name] for value in values] for name in values[0]}
    return {name: None if None in column else reduce(column) for name, column in columns.items()}
