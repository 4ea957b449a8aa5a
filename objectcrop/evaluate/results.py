"""The JSON of a result: what was measured, of which settings, at what cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectcrop.identity.provenance import provenance
from objectcrop.runtime.atomic import write_json
from objectcrop.study.jobs.judging import JudgeJob
from objectcrop.study.settings.section import settings_hash


def result_record(
    job: JudgeJob, seed: int, measured: Mapping[str, Any], seconds: float, pretrained_in: str
) -> dict[str, Any]:
    """Return a result as the tables read it.

    Args:
        job: which run was judged by which task.
        seed: of the run.
        measured: metrics, per_class, precision and whatever else is worth keeping.
        seconds: wall-clock time of the evaluation.
        pretrained_in: precision that the backbone was trained in, "none" if it was not trained here.
    """
    return {
        "run": job.run_name,
        "task": job.task_name,
        "seed": seed,
        "settings": job.judged,
        "settings_hash": settings_hash(job.judged),
        **measured,
        "precision": {"pretraining": pretrained_in, "evaluation": measured["precision"]},
        "cost": {"seconds": round(seconds, 1)},
        "provenance": provenance(),
    }


def write_result(
    path: Path, job: JudgeJob, seed: int, measured: Mapping[str, Any], seconds: float, pretrained_in: str
) -> None:
    """Write a result (see `result_record`) atomically."""
    write_json(path, result_record(job, seed, measured, seconds, pretrained_in))
