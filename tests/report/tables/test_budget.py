"""Which rows count as run at a reduced budget, and that the paper's lengths are those of its preset."""

import pytest
import yaml

from objectcrop.report.tables.budget import Length, read_lengths, reduced_rows
from objectcrop.study.jobs.report import TableJob
from objectcrop.study.plan.plan import load_plan

LENGTHS = [Length(1000, (("T4", "*", "mAP"),)), Length(4000, (("T4", "long", "mAP"),))]
ROWS = [
    {"label": "none", "run": "random-init"},
    {"label": "own", "run": "short"},
    {"label": "short", "run": "short", "paper_row": "a"},
    {"label": "full", "run": "full", "paper_row": "b"},
    {"label": "quoted", "paper_row": "c"},
    {"label": "gain", "difference": {"of": ["full"], "minus": ["short"]}},
    {"label": "same", "difference": {"of": ["full"], "minus": ["none"]}},
]


def job(rows=ROWS, title_note=""):
    columns = [
        {"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "mAP"},
        {"task": "voc", "metric": "AP", "label": "AP", "paper_metric": "AP"},
    ]
    table = {"title": "t", "paper_table": "T4", "columns": columns, "rows": rows}
    return TableJob.model_validate(
        {
            "table_name": "t",
            "table": table,
            "title_note": title_note,
            "allow_stale": False,
            "checks_images": False,
            "seeds": [0, 1],
        }
    )


def summaries(**seen):
    return [{"run": run, "cost": {"images_seen": images}} for run, seeds in seen.items() for images in seeds]


def test_a_row_counts_whose_run_saw_less_than_nine_tenths_of_the_images_of_the_papers():
    reasons = reduced_rows(job(), summaries(short=[899, 1000], full=[900, 1000]), LENGTHS)
    text = "pretrained on 90% of the images that the paper's run saw"
    # the row without a number of the paper has nothing to be held against; a difference counts with its rows
    assert reasons == ["", "", text, "", "", text, ""]


def test_by_the_word_of_the_study_every_row_that_was_run_counts():
    rows = [*ROWS[:5], {"label": "area", "proposals": {"dataset": "d", "source": "s"}}, *ROWS[5:]]
    reasons = reduced_rows(job(rows, "cut"), summaries(short=[2], full=[1000]), LENGTHS)
    short = "cut; pretrained on 0.2% of the images that the paper's run saw"
    assert reasons == ["cut", "cut", short, "cut", "", "cut", "computed from such rows", "cut"]


def test_a_row_of_several_runs_counts_by_the_one_that_falls_shortest():
    rows = [{"label": "two", "run": "full", "runs": {"voc": "short"}, "paper_row": "a"}]
    lengths = [*LENGTHS, Length(10_000_000, (("T4", "a", "AP"),))]
    (reason,) = reduced_rows(job(rows), summaries(full=[1000], short=[10]), lengths)
    assert reason == "pretrained on less than 0.001% of the images that the paper's run saw"


def test_a_run_that_was_not_trained_has_no_length():
    assert reduced_rows(job([{"label": "none", "run": "external", "paper_row": "a"}]), [], LENGTHS) == [""]


@pytest.fixture(scope="module")
def plan(root):
    return load_plan(yaml.safe_load((root / "presets/paper.yaml").read_text()))


def trained_numbers(plan):
    """(table, row, metric) of the numbers that some trained run is behind, with the images that it sees."""
    for table in plan.study.tables.values():
        for row in table.rows:
            for column in table.columns:
                place, judged = table.published_at(row, column), row.judged_by(column)
                if place is not None and judged is not None and plan.study.runs[judged[0]].is_trained:
                    run = plan.study.runs[judged[0]]
                    yield place, run.optimizer.epochs * plan.study.costs.images[run.dataset]["train"]


def test_the_papers_runs_are_as_long_as_its_preset_makes_them(plan):
    expected, lengths = dict(trained_numbers(plan)), read_lengths()
    listed = {place: [length.images_seen for length in lengths if length.concerns(*place)] for place in expected}
    assert listed == {place: [images] for place, images in expected.items()}
    assert len(expected) > 100


def test_every_length_is_that_of_a_number(plan):
    places = [place for place, _ in trained_numbers(plan)]
    for length in read_lengths():
        for place in length.places:
            alone = length._replace(places=(place,))
            assert [number for number in places if alone.concerns(*number)], place


def test_the_papers_preset_has_no_row_of_a_reduced_budget(plan):
    for table in plan.study.tables:
        table_job = plan.results.table_job(table)
        runs = [run for run, _ in plan.results.cells(table) if plan.study.runs[run].is_trained]
        settings = {run: plan.study.runs[run] for run in runs}
        seen = {
            name: [plan.study.costs.images[run.dataset]["train"] * run.optimizer.epochs]
            for name, run in settings.items()
        }
        assert not any(reduced_rows(table_job, summaries(**seen), read_lengths())), table


def test_a_damaged_list_is_named(tmp_path):
    path = tmp_path / "lengths.toml"
    path.write_text('[[lengths]]\nat = [["T1", "a", "b"]]\n')
    with pytest.raises(ValueError, match=r"lengths\.toml: expected images_seen, and at with table, row and metric"):
        read_lengths(path)
    path.write_text('[[lengths]]\nimages_seen = 1\nat = [["T1", "a"]]\n')
    with pytest.raises(ValueError, match="expected images_seen"):
        read_lengths(path)
