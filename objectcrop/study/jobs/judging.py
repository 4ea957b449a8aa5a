"""What jobs have in common that judge a run by a task."""

from typing import Any

from objectcrop.study.jobs.pretraining import PretrainJob
from objectcrop.study.settings.section import Name
from objectcrop.study.settings.tasks import Task


class JudgeJob(PretrainJob):
    """Judge the backbone of a run by a task."""

    task_name: Name
    task: Task

    @property
    def judged(self) -> dict[str, Any]:
        """The settings of run and task, as results show them."""
        values = self.values()
        return {"run": values["run"], "task": values["task"]}
