"""Misfits of the rows of tables: nothing to show, runs and tasks that no column asks for, differences of nothing."""

from collections.abc import Iterator

from objectcrop.study.merging import suggestion
from objectcrop.study.settings.backbones import find_detector_problem, find_dilation_problem
from objectcrop.study.settings.tables import Column, Row, Table
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask, SemanticSegmenterTask
from objectcrop.study.study import Study

TRUNK_CHECKS = {
    DetectorTask: find_detector_problem,
    SegmenterTask: find_detector_problem,
    SemanticSegmenterTask: find_dilation_problem,
}
"""What a trunk must be for each kind of fine-tuning."""


def row_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    """Yield the problems of all rows of a table."""
    for place, row in enumerate(table.rows):
        here = f"{where}.rows.{place}"
        if not row.all_runs and all(part is None for part in (row.paper_row, row.proposals, row.difference)):
            yield f"{here}: {row.label!r} needs a run or a paper_row; give one"
        if row in table.rows[:place]:
            yield f"{here}: {row.label!r} is a row already; remove it"
        yield from (f"{here}.{problem}" for problem in _problems(study, table, row))


def _problems(study: Study, table: Table, row: Row) -> Iterator[str]:
    yield from _difference_problems(table, row)
    yield from _unused(table, row)
    if row.proposals is not None and all(column.task is not None for column in table.columns):
        yield "proposals: are measured in columns without a task, and the table has none; leave out the task of one"
    said = set()
    for column in table.columns:
        judged = row.judged_by(column)
        if judged is None:
            continue
        yield from _metric_problems(study, row, column)
        setting = f"runs.{column.task}" if column.task in row.runs else "run"
        problem = _trunk_problem(study, *judged)
        if problem and (setting, judged[0], problem) not in said:
            said.add((setting, judged[0], problem))
            yield f"{setting}: {problem} (runs.{judged[0]}.backbone); leave the run to linear tasks"


def _trunk_problem(study: Study, run: str, task: str) -> str | None:
    settings = study.runs.get(run)
    check = next((check for kind, check in TRUNK_CHECKS.items() if isinstance(study.tasks.get(task), kind)), None)
    return None if settings is None or check is None else check(settings.backbone)


def _metric_problems(study: Study, row: Row, column: Column) -> Iterator[str]:
    name = row.tasks.get(column.task or "")
    task = study.tasks.get(name or "")
    if task is not None and column.metric not in task.metrics:
        hint = suggestion(column.metric, list(task.metrics))
        yield f"tasks.{column.task}: {task.kind} task {name!r} has no metric {column.metric!r}{hint}"


def _unused(table: Table, row: Row) -> Iterator[str]:
    tasks = [column.task for column in table.columns if column.task is not None]
    for setting, named in (("runs", row.runs), ("tasks", row.tasks)):
        for task in named:
            if task not in tasks:
                yield f"{setting}.{task}: no column is of task {task!r}{suggestion(task, tasks)}"
    if row.all_runs and not any(row.judged_by(column) for column in table.columns):
        yield "run: no column has a task that judges it; give one, or leave the run out"


def _difference_problems(table: Table, row: Row) -> Iterator[str]:
    if row.difference is None:
        return
    if row.all_runs or row.proposals is not None:
        yield "difference: the row is computed from others, it has no run and no proposals of its own; leave these out"
    sources = [other.label for other in table.rows if other.difference is None]
    for setting, labels in (("of", row.difference.of), ("minus", row.difference.minus)):
        for place, label in enumerate(labels):
            if (count := sources.count(label)) != 1:
                what, hint = "no row" if count == 0 else f"{count} rows", suggestion(label, sources)
                yield f"difference.{setting}.{place}: the table has {what} {label!r} with values of its own{hint}"
