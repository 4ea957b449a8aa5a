"""The JSON of a result: what was measured, of which settings, at what cost."""

from collections.abc import Mapping
from typing import Any

from objectcrop.runtime.provenance import provenance
from objectcrop.study.section import settings_hash


def result_record(
    settings: Mapping[str, Any], seed: int, measured: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """A result as the tables read it.

    Args:
        settings: of the job: run_name, run, task_name, task (as recorded).
        seed: of the run.
        measured: metrics, per_class and whatever else is worth keeping.
        seconds: wall-clock time of the evaluation.
    """
    judged = {"run": settings["run"], "task": settings["task"]}
    return {
        "run": settings["run_name"],
        "task": settings["task_name"],
        "seed": seed,
        "settings": judged,
        "settings_hash": settings_hash(judged),
        **measured,
        "cost": {"seconds": round(seconds, 1)},
        "provenance": provenance(),
    }
