"""The JSON of a result: what was measured, of which settings, at what cost."""

from collections.abc import Mapping
from typing import Any

from objectcrop.runtime.provenance import provenance
from objectcrop.study.settings.section import settings_hash


def result_record(
    settings: Mapping[str, Any], seed: int, measured: Mapping[str, Any], seconds: float, pretrained_in: str
) -> dict[str, Any]:
    """A result as the tables read it.

    Args:
        settings: of the job: run_name, run, task_name, task (as recorded).
        seed: of the run.
        measured: metrics, per_class, precision and whatever else is worth keeping.
        seconds: wall-clock time of the evaluation.
        pretrained_in: precision that the backbone was trained in, "none" if it was not trained here.
    """
    judged = {"run": settings["run"], "task": settings["task"]}
    return {
        "run": settings["run_name"],
        "task": settings["task_name"],
        "seed": seed,
        "settings": judged,
        "settings_hash": settings_hash(judged),
        **measured,
        "precision": {"pretraining": pretrained_in, "evaluation": measured["precision"]},
        "cost": {"seconds": round(seconds, 1)},
        "provenance": provenance(),
    }
