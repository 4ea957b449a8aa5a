"""The job of the table of planned cost."""

from typing import Literal

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Name, Section

Basis = Literal["measured", "partly assumed", "assumed", "unknown", "nothing"]
"""What an estimate is from; `nothing`: nothing is trained or judged on a GPU."""


class Hours(Section):
    """GPU-hours, and what they are from; the part that is known, where some of it is unknown."""

    hours: float = 0.0
    basis: Basis = "nothing"


class RowHours(Section):
    """Those of a row of a table: of its runs and of what they are judged by, every seed."""

    label: str
    hours: Hours


class TableHours(Section):
    """Those of a table, shared runs and those that give features once."""

    name: Name
    title: str
    rows: tuple[RowHours, ...]
    together: Hours


class PlannedCostJob(Job):
    """Print what the study costs."""

    title: str
    gpu: str
    source: str
    tables: tuple[TableHours, ...]
    together: Hours
