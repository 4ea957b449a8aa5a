"""GPU-hours in tables and on the page of planned cost."""

from objectcrop.report.tables.cells import Measured, build_cells
from objectcrop.report.tables.costs import NOTE, measured_hours, planned_cost_page
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.rendering import as_csv, as_json, as_markdown
from objectcrop.study.jobs.costs import PlannedCostJob
from objectcrop.study.jobs.report import TableJob
from objectcrop.study.paper import PaperValues

TABLE = {
    "title": "Gain",
    "columns": [{"task": "linear", "metric": "map", "label": "mAP"}, {"task": "voc", "metric": "AP", "label": "AP"}],
    "rows": [
        {"label": "a", "run": "a"},
        {"label": "b", "runs": {"linear": "b"}},
        {"label": "quoted", "paper_row": "x"},
    ],
}
PRECISION = {"pretraining": "float32", "evaluation": "float32"}


def job(gpus):
    return TableJob.model_validate(
        {
            "table_name": "t",
            "table": TABLE,
            "allow_stale": False,
            "checks_images": False,
            "seeds": [0, 1],
            "gpus_of_runs": {"a": gpus, "b": 0},
            "gpus_of_tasks": {"linear": 0, "voc": 2 * gpus},
        }
    )


def result(run, seed, task, seconds):
    return {
        "run": run,
        "seed": seed,
        "task": task,
        "metrics": {"map": 1.0, "AP": 2.0},
        "precision": PRECISION,
        "cost": {"seconds": seconds},
    }


RESULTS = [result(*key, 1800.0) for key in (("a", 0, "linear"), ("a", 0, "voc"), ("a", 1, "voc"), ("b", 0, "linear"))]
SUMMARIES = [{"run": "a", "cost": {"seconds": 3600.0}}, {"run": "a", "cost": {"seconds": 7200.0}}]


def test_a_row_has_its_pretraining_and_its_judging_of_every_seed_by_the_gpus_that_each_had():
    # 3 hours of 4 GPUs, and twice half an hour of 8; the rest ran on the CPU
    assert measured_hours(job(4), SUMMARIES, RESULTS) == [12 + 8, 0.0, None]


def test_a_table_that_needed_no_gpu_has_no_such_column():
    assert measured_hours(job(0), SUMMARIES, RESULTS) is None
    cells = build_cells(job(0).table, Measured(RESULTS), PaperValues({}))
    assert "GPU-hours" not in as_markdown(FilledTable(job(0).table, cells))


def test_the_hours_are_the_last_column_in_every_format():
    table = job(4).table
    cells = build_cells(table, Measured(RESULTS), PaperValues({}))
    hours = measured_hours(job(4), SUMMARIES, RESULTS)
    lines = as_markdown(FilledTable(table, cells, hours)).splitlines()
    assert lines[2].endswith("| GPU-hours |")
    assert [line.split("|")[-2].strip() for line in lines[4:7]] == ["20", "0", "–"]
    assert f"- {NOTE}" in lines
    assert as_csv(FilledTable(table, cells, hours)).splitlines()[0].endswith(",GPU-hours")
    written = as_json(FilledTable(table, cells, hours))
    assert [row["gpu_hours"] for row in written["rows"]] == hours
    assert written["lines"][0][-1] == "20"


def test_the_page_marks_what_each_estimate_is_from():
    rows = [("a", 1234.4, "assumed"), ("b", 0.123, "measured"), ("c", 3.0, "partly assumed"), ("d", 0.0, "nothing")]
    rows += [("e", 0.0, "unknown"), ("f", 12.0, "unknown")]
    hours = [{"label": label, "hours": {"hours": value, "basis": basis}} for label, value, basis in rows]
    together = {"hours": 1249.5, "basis": "unknown"}
    table = {"name": "t1", "title": "One", "rows": hours, "together": together}
    page = planned_cost_page(
        PlannedCostJob.model_validate(
            {"title": "Study", "gpu": "V100", "source": "a README", "tables": [table], "together": together}
        )
    )
    lines = page.splitlines()
    assert lines[0] == "# Planned cost: Study"
    assert lines[4:8] == [
        "| t1 | a | 1,234 | assumed |",
        "| t1 | b | 0.12 | measured here |",
        "| t1 | c | 3 | in part measured here, else assumed |",
        "| t1 | d | – | nothing to run on a GPU |",
    ]
    assert lines[8].startswith("| t1 | e | ? | not all is known")
    assert lines[9].startswith("| t1 | f | over 12 | not all is known")
    assert lines[10].startswith("| **t1** | **One** | over 1,250")
    assert "Assumed: V100, from a README." in page
