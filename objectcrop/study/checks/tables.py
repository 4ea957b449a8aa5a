"""Misfits of tables: metrics that a task lacks, trunks that detectors lack, lines twice, and what the paper does not have."""

from collections.abc import Iterator
from functools import cache

from objectcrop.study.checks.rows import row_problems
from objectcrop.study.merging import suggestion
from objectcrop.study.paper import PaperValues, read_paper_values
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import LinearTask
from objectcrop.study.study import Study

MEASURED_OF_PROPOSALS = ("mean_area_share", "mean_boxes", "num_boxes", "num_images_without", "object_scale_min")
"""Numbers in the summary of proposals."""
TARGETS = ("all", "planned_cost")
"""Names that Snakemake has for other things."""


def table_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all tables, and of the names for several of them."""
    for name, table in study.tables.items():
        where = f"tables.{name}"
        if name in study.runs or name in TARGETS:
            yield f"{where}: the name is taken by a run or a target; take another"
        yield from _column_problems(study, table, where)
        yield from row_problems(study, table, where)
        yield from _class_problems(study, table, where)
        yield from _paper_problems(table, where)
    for name in study.targets:
        if name in study.runs or name in study.tables or name in TARGETS:
            yield f"targets.{name}: the name is taken by a run, a table or a target; take another"


def _column_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    seen = set()
    measures_proposals = any(row.proposals is not None for row in table.rows)
    for place, column in enumerate(table.columns):
        here, task = f"{where}.columns.{place}", study.tasks.get(column.task or "")
        if task is not None and column.metric not in task.metrics:
            kind = f"{task.kind} task {column.task!r}"
            yield f"{here}.metric: {kind} has no metric {column.metric!r}{suggestion(column.metric, list(task.metrics))}"
        if column.task is None and measures_proposals and column.metric not in MEASURED_OF_PROPOSALS:
            hint = suggestion(column.metric, list(MEASURED_OF_PROPOSALS))
            yield f"{here}.metric: the summary of proposals has no number {column.metric!r}{hint}"
        if (column.task, column.metric) in seen:
            of = "" if column.task is None else f" of task {column.task!r}"
            yield f"{here}: {column.metric!r}{of} is a column already; remove it"
        seen.add((column.task, column.metric))


def _class_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    asked = table.class_figure
    if asked is None:
        return
    tasks = {column.task: study.tasks.get(column.task) for column in table.columns if column.task is not None}
    linear = [name for name, task in tasks.items() if isinstance(task, LinearTask) and task.samples == "image"]
    if asked not in linear:
        yield f"{where}.class_figure: no column is of a linear task of images {asked!r}{suggestion(asked, linear)}"


def _paper_problems(table: Table, where: str) -> Iterator[str]:
    paper = _published()
    named = {f"{where}.paper_table": table.paper_table}
    named |= {f"{where}.rows.{place}.paper_table": row.paper_table for place, row in enumerate(table.rows)}
    for setting, name in named.items():
        if name is not None and name not in paper.tables:
            yield f"{setting}: the paper has no table {name!r}{suggestion(name, paper.tables)}"
    for place, row in enumerate(table.rows):
        name = row.paper_table or table.paper_table
        if row.paper_row is not None and name in paper.tables and row.paper_row not in (rows := paper.rows(name)):
            hint = suggestion(row.paper_row, rows)
            yield f"{where}.rows.{place}.paper_row: the paper's table {name} has no row {row.paper_row!r}{hint}"
    yield from dict.fromkeys(_paper_metric_problems(table, where, paper))


def _paper_metric_problems(table: Table, where: str, paper: PaperValues) -> Iterator[str]:
    for row_place, row in enumerate(table.rows):
        for place, column in enumerate(table.columns):
            published = table.published_at(row, column)
            if published is None or published[0] not in paper.tables:
                continue
            name, _, metric = published
            if metric not in (metrics := paper.metrics(name)):
                here = f"columns.{place}" if row.paper_metric is None else f"rows.{row_place}"
                hint = suggestion(metric, metrics)
                yield f"{where}.{here}.paper_metric: the paper's table {name} has no metric {metric!r}{hint}"


@cache
def _published() -> PaperValues:
    return read_paper_values()
