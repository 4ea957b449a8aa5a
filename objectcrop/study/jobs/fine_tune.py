"""The job of fine-tuning."""

from typing import Annotated

from pydantic import Field

from objectcrop.study.jobs.judging import JudgeJob
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.section import Name
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask


class FineTuneJob(JudgeJob):
    """Fine-tune Faster R-CNN C4 or Mask R-CNN FPN, by the task, and measure it."""

    task: Annotated[DetectorTask | SegmenterTask, Field(discriminator="kind")]
    dataset_name: Name
    dataset: Dataset
