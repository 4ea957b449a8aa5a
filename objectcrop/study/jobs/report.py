"""Jobs of the pages that people read."""

from typing import Literal

from pydantic import Field

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Name, Section
from objectcrop.study.settings.tables import Table

Crops = Literal["untrained", "external", "supervised", "scene", "objects", "random boxes", "boxes without a search"]
"""Where the crops come from that a run was trained on; of boxes without a search (random ones, grid, centre) nothing says that they
hold objects; random ones have the sizes of another source's. Runs that were not trained here have none."""


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
    """Analyse the classes of a table's linear evaluations; `runs` by the labels of their rows, `labels` in their order."""

    table_name: Name
    labels: tuple[str, ...]
    runs: dict[str, Name]
    tasks: dict[str, Name]
    seeds: tuple[int, ...]


class StudyWords(Section):
    """What the page reports of the study."""

    name: Name
    title: str
    about: str
    seeds: tuple[int, ...]


class FiguresJob(Job):
    """Draw the figures of a table, of stale values too where the study allows it; `crops` of its runs."""

    table: Table
    crops: dict[Name, Crops]
    allow_stale: bool


class ReportJob(Job):
    """Write the page; `runs` are what each sets otherwise than the first, in words; `crops` are where their views come from.

    All settings of all runs would be too long for a command line.
    """

    study: StudyWords
    allow_stale: bool
    checks_images: bool
    tables: dict[Name, Table]
    runs: dict[Name, str]
    crops: dict[Name, Crops]
    methods: dict[Name, str]
    subset_base_sources: dict[Name, str]
