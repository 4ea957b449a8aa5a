"""Hours on GPUs: of what was measured, as a column of a table; of what is planned, as a page of its own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from objectcrop.study.jobs.costs import Hours, PlannedCostJob
from objectcrop.study.jobs.report import TableJob

SECONDS = 3600
HEADING = "GPU-hours"
NOTE = (
    f"{HEADING}: measured, of a row's pretraining and of judging it, every seed. Rows that share a run each count it; "
    "proposals are not in it."
)
BASES = {
    "measured": "measured here",
    "nothing": "nothing to run on a GPU",
    "partly assumed": "in part measured here, else assumed",
}


def measured_hours(
    job: TableJob, summaries: Iterable[Mapping[str, Any]], results: Iterable[Mapping[str, Any]]
) -> list[float | None] | None:
    """Return the GPU-hours of each row of a table, None for one without runs; None in all if no part asks for a GPU.

    Args:
        job: of the table.
        summaries: of its trained runs, every seed.
        results: of its cells, every seed.
    """
    if not any([*job.gpus_of_runs.values(), *job.gpus_of_tasks.values()]):
        return None
    pretraining: dict[str, float] = {}
    for summary in summaries:
        hours = summary["cost"]["seconds"] * job.gpus_of_runs[summary["run"]] / SECONDS
        pretraining[summary["run"]] = pretraining.get(summary["run"], 0.0) + hours
    judging: dict[tuple[str, str], float] = {}
    for result in results:
        key = result["run"], result["task"]
        judging[key] = judging.get(key, 0.0) + result["cost"]["seconds"] * job.gpus_of_tasks[key[1]] / SECONDS
    rows: list[float | None] = []
    for row in job.table.rows:
        cells = {cell for column in job.table.columns if (cell := row.judged_by(column)) is not None}
        of_runs = sum(pretraining.get(run, 0.0) for run in row.all_runs)
        rows.append(of_runs + sum(judging[cell] for cell in cells) if cells else None)
    return rows


def hours_text(hours: float | None) -> str:
    """Return hours for people: whole ones from ten on, a dash for none."""
    if hours is None:
        return "–"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def planned_cost_page(job: PlannedCostJob) -> str:
    """Return the Markdown page of what a study costs, row by row."""
    heading = ["table", "row", HEADING, "from"]
    rows = [heading, ["---", "---", "---:", "---"], *_lines(job)]
    text = "\n".join(f"| {' | '.join(part.replace('|', '/') for part in row)} |" for row in rows)
    notes = [
        f"Hours of one GPU, every seed. Assumed: {job.gpu}, from {job.source}.",
        "A row has its own pretraining and all that judges it. Tables and the study count shared runs once, and add the runs "
        "whose features give proposals; making proposals is the CPU's and is not in it.",
    ]
    below = "\n".join(f"- {note}" for note in notes)
    return f"# Planned cost: {job.title}\n\n{text}\n\n{below}\n"


def _lines(job: PlannedCostJob) -> Iterator[list[str]]:
    for table in job.tables:
        for row in table.rows:
            yield [table.name, row.label, *_parts(row.hours)]
        yield [f"**{table.name}**", f"**{table.title}**", *_parts(table.together)]
    yield ["**all**", "**every table**", *_parts(job.together)]


def _parts(hours: Hours) -> list[str]:
    if hours.basis == "nothing":
        return ["–", BASES["nothing"]]
    if hours.basis == "unknown":
        return [
            f"over {hours_text(hours.hours)}" if hours.hours else "?",
            "not all is known: costs.images, network or boxes",
        ]
    return [hours_text(hours.hours), BASES.get(hours.basis, hours.basis)]
