"""The job of semantic segmentation."""

from objectcrop.study.jobs.judging import JudgeJob
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.section import Name
from objectcrop.study.settings.tasks import SemanticSegmenterTask


class SegmentJob(JudgeJob):
    """Fine-tune DeepLabv3 on a run's trunk, and measure it."""

    task: SemanticSegmenterTask
    dataset_name: Name
    dataset: Dataset
