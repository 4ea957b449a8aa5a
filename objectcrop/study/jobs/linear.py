"""The job of linear evaluation."""

from objectcrop.study.jobs.judging import JudgeJob
from objectcrop.study.settings.tasks import LinearTask


class LinearJob(JudgeJob):
    """Train a linear layer on the frozen backbone and measure it."""

    task: LinearTask
