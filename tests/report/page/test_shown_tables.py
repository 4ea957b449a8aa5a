"""Tables as the page shows them: numbers with their intervals, verdicts, footnotes and how they were made."""

import pytest

from objectcrop.report.page.making import anchors_of
from objectcrop.report.page.shown_tables import shown_table
from objectcrop.study.settings.tables import Table
from tests.report.page.small_report import LABELS, report_job, result, table_json

JOB = report_job()


@pytest.fixture(scope="module")
def shown():
    return shown_table(JOB, "small", table_json(boxes="was made with other settings"))


def row(shown, label):
    return dict(shown.rows)[label]


def test_the_columns_are_the_measured_value_the_papers_the_difference_and_hours(shown):
    assert shown.headings == (
        "mAP",
        "mAP, paper",
        "difference to the paper",
        "mAP of classes of small objects",
        "GPU-hours",
    )
    assert {len(cells) for _, cells in shown.rows} == {len(shown.headings)}
    assert [cells[-1].text for _, cells in shown.rows[:3]] == ["0.5", "12", "–"]


def test_a_cell_has_its_spread_its_interval_its_verdict_and_its_sort_value(shown):
    measured = [result("objects", seed)["metrics"]["map"] for seed in (0, 1, 2)]
    mean, paper, difference, small, _ = row(shown, LABELS["objects"])
    assert mean.value == pytest.approx(sum(measured) / 3)
    assert mean.text == f"{mean.value:.1f} ± 1.4"
    assert mean.below == f"({mean.value - 1.5:.1f} to {mean.value + 1.5:.1f})"
    assert mean.verdict == "above"
    assert mean.made == ("made/objects/linear",)
    assert (paper.text, paper.value) == ("65.5 [a]", 65.5)
    assert difference.text == f"{mean.value - 65.5:+.1f}"
    assert small.below == ""
    assert small.verdict == "above"


def test_a_control_has_no_verdict_and_a_quoted_row_no_value(shown):
    assert row(shown, LABELS["scene"])[0].verdict is None
    quoted = row(shown, "Only quoted")
    assert [cell.text for cell in quoted[:3]] == ["quoted", "59", ""]
    assert (quoted[0].value, quoted[0].made) == (None, ())


def test_a_stale_value_is_marked(shown):
    assert row(shown, LABELS["boxes"])[0].text.endswith("(stale)")


def test_a_difference_has_a_sign_and_was_made_as_its_rows_were(shown):
    gain = row(shown, "Gain of objects")[0]
    assert gain.text.startswith("+")
    assert gain.below.startswith("(+")
    assert gain.made == ("made/objects/linear", "made/scene/linear")


def test_rows_of_proposals_were_made_as_these_were():
    columns = [{"metric": "mean_area_share", "label": "share"}]
    rows = [{"label": "LOD", "proposals": {"dataset": "ohms", "source": "lod"}}, {"label": "paper", "paper_row": "x"}]
    table = Table.model_validate({"title": "Area", "columns": columns, "rows": rows})
    assert anchors_of(table, "LOD", table.columns[0]) == ("made/ohms/lod/proposals",)
    assert anchors_of(table, "paper", table.columns[0]) == ()


def test_newer_tables_have_an_interval_of_the_difference_to_the_paper_and_mark_reduced_budgets():
    table = table_json()
    table["rows"][3] |= {"reduced_budget": "pretrained on 10% of the images"}
    table["rows"][3]["cells"][0]["difference_interval"] = [-20.0, -18.0]
    newer = dict(shown_table(JOB, "small", table).rows)
    assert newer[f"{LABELS['objects']} †"][2].below == "(-20.0 to -18.0)"
    assert LABELS["objects"] not in newer


def test_what_differs_is_said_row_by_row(shown):
    assert len(shown.compared) == 4
    assert shown.compared[0].startswith(f"{LABELS['random-init']} against {LABELS['scene']}: -")
    assert shown.compared[0].endswith("below, by more than the interval.")
