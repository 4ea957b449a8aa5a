"""Misfits of tables: metrics that a task lacks, trunks that detectors lack, lines twice, and what the paper does not have."""

from collections.abc import Iterator
from functools import cache

from objectcrop.study.merging import suggestion
from objectcrop.study.paper import PaperValues, read_paper_values
from objectcrop.study.settings.backbones import find_detector_problem, find_dilation_problem
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask, SemanticSegmenterTask
from objectcrop.study.study import Study

TRUNK_CHECKS = {
    DetectorTask: find_detector_problem,
    SegmenterTask: find_detector_problem,
    SemanticSegmenterTask: find_dilation_problem,
}
"""What a trunk must be for each kind of fine-tuning."""


def table_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all tables."""
    for name, table in study.tables.items():
        where = f"tables.{name}"
        if name in study.runs or name == "all":
            yield f"{where}: the name is taken by a run or a target; take another"
        yield from _column_problems(study, table, where)
        yield from _row_problems(study, table, where)
        yield from _paper_problems(table, where)


def _column_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    seen = set()
    for place, column in enumerate(table.columns):
        here, task = f"{where}.columns.{place}", study.tasks.get(column.task)
        if task is not None and column.metric not in task.metrics:
            kind = f"{task.kind} task {column.task!r}"
            yield f"{here}.metric: {kind} has no metric {column.metric!r}{suggestion(column.metric, list(task.metrics))}"
        if (column.task, column.metric) in seen:
            yield f"{here}: {column.metric!r} of task {column.task!r} is a column already; remove it"
        seen.add((column.task, column.metric))


def _row_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    kinds = [type(study.tasks[column.task]) for column in table.columns if column.task in study.tasks]
    checks = dict.fromkeys(check for kind, check in TRUNK_CHECKS.items() if kind in kinds)
    for place, row in enumerate(table.rows):
        here = f"{where}.rows.{place}"
        if row.run is None and row.paper_row is None:
            yield f"{here}: {row.label!r} needs a run or a paper_row; give one"
        if row in table.rows[:place]:
            yield f"{here}: {row.label!r} is a row already; remove it"
        run = study.runs.get(row.run or "")
        problems = [] if run is None else filter(None, (check(run.backbone) for check in checks))
        yield from (
            f"{here}.run: {problem} (runs.{row.run}.backbone); leave the run to linear tasks" for problem in problems
        )


def _paper_problems(table: Table, where: str) -> Iterator[str]:
    if table.paper_table is None:
        return
    paper = _published()
    if table.paper_table not in paper.tables:
        yield f"{where}.paper_table: the paper has no table {table.paper_table!r}{suggestion(table.paper_table, paper.tables)}"
        return
    rows, metrics = paper.rows(table.paper_table), paper.metrics(table.paper_table)
    for place, row in enumerate(table.rows):
        if row.paper_row is not None and row.paper_row not in rows:
            yield (
                f"{where}.rows.{place}.paper_row: the paper's table {table.paper_table} has no row "
                f"{row.paper_row!r}{suggestion(row.paper_row, rows)}"
            )
    for place, column in enumerate(table.columns):
        if column.paper_metric is not None and column.paper_metric not in metrics:
            yield (
                f"{where}.columns.{place}.paper_metric: the paper's table {table.paper_table} has no metric "
                f"{column.paper_metric!r}{suggestion(column.paper_metric, metrics)}"
            )


@cache
def _published() -> PaperValues:
    return read_paper_values()
