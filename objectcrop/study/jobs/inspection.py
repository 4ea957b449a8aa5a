"""The job of a FiftyOne data set."""

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import Name


class InspectionJob(Job):
    """Show the proposals of a source, and the crops of a run if one is named."""

    dataset_name: Name
    source_name: Name
    inspection: InspectionSettings
    study_seed: int
    run_name: Name | None = None
    run: Run | None = None
