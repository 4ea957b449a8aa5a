"""Jobs of the pages that people read."""

from typing import Any

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Name, Section
from objectcrop.study.settings.tables import Table


class TableJob(Job):
    """Render a table; `allow_stale` shows results that are not what the study would measure now, marked."""

    table_name: Name
    table: Table
    allow_stale: bool
    checks_images: bool
    seeds: tuple[int, ...]


class StudyWords(Section):
    """What the page reports of the study."""

    name: Name
    title: str
    about: str
    seeds: tuple[int, ...]


class ReportJob(Job):
    """Write the page; `runs` are settings as recorded, for what differs between them."""

    study: StudyWords
    allow_stale: bool
    checks_images: bool
    runs: dict[Name, dict[str, Any]]
    has_random_boxes: bool
    subset_base_sources: dict[Name, str]
