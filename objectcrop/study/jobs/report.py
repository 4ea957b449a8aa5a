"""Jobs of the pages that people read."""

from typing import Any

from pydantic import Field

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Name, Section
from objectcrop.study.settings.tables import Table


class TableJob(Job):
    """Render a table; `allow_stale` shows results that are not what the study would measure now, marked.

    `title_note` is the study's, which the title ends with: by its own word its rows are run at a reduced budget.
    Hours are printed by the GPUs that its runs and tasks ask for.
    """

    table_name: Name
    table: Table
    title_note: str = Field(default="")
    allow_stale: bool
    checks_images: bool
    seeds: tuple[int, ...]
    gpus_of_runs: dict[Name, int] = Field(default={})
    gpus_of_tasks: dict[Name, int] = Field(default={})


class ClassJob(Job):
    """Analyse the classes of a table's linear evaluations; `runs` by the labels of their rows."""

    table_name: Name
    runs: dict[str, Name]
    tasks: dict[str, Name]
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
