"""The job of pretraining; its views are drawn for the report too."""

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import Name


class PretrainJob(Job):
    """Train the backbone of a run."""

    run_name: Name
    run: Run
    study_seed: int
