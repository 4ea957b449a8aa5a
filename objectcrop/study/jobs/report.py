"""Jobs of the pages that people read."""

from typing import Any

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Name, Section
from objectcrop.study.settings.tables import Table


class TableJob(Job):
    """Render a table; `expected` has the settings hash that each result must carry, by "run/task"."""

    table_name: Name
    table: Table
    expected: dict[str, str]
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
    runs: dict[Name, dict[str, Any]]
    has_random_boxes: bool
    subset_base_sources: dict[Name, str]
