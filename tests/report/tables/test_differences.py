"""A difference is a row of its own: seed by seed, with an interval where every row has one, beside the paper's difference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.evaluate.linear.comparison import Contributions
from objectcrop.report.tables.cells import Cell, Measured, build_cells
from objectcrop.report.tables.differences import difference_of, independent_interval
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.intervals import Interval
from objectcrop.report.tables.notes import notes
from objectcrop.report.tables.rendering import as_csv, as_json, gains
from objectcrop.study.paper import PaperValue, PaperValues
from objectcrop.study.settings.tables import Table

PAPER = PaperValues({("TEXT", "gain", "delta_mAP"): PaperValue(8.2, "v1")})
TABLE = Table.model_validate(
    {
        "title": "Gain",
        "paper_table": "TEXT",
        "columns": [{"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "delta_mAP"}],
        "rows": [
            {"label": "gain", "difference": {"of": ["objects"], "minus": ["scene"]}, "paper_row": "gain"},
            {"label": "scene", "run": "scene"},
            {"label": "objects", "run": "objects"},
            {"label": "quoted", "paper_row": "gain"},
            {"label": "over nothing", "difference": {"of": ["objects"], "minus": ["quoted"]}},
        ],
    }
)


def result(run, seed, value, ends=None):
    precision = {"pretraining": "float32", "evaluation": "float32"}
    fields = {"run": run, "seed": seed, "task": "linear", "metrics": {"map": value}, "precision": precision}
    return fields if ends is None else fields | {"intervals": {"map": list(ends)}}


RESULTS = [result("scene", 0, 30.0), result("scene", 1, 32.0), result("objects", 1, 41.0), result("objects", 0, 40.0)]


def test_it_is_taken_seed_by_seed():
    (gain,), *_ = build_cells(TABLE, Measured(RESULTS), PAPER)
    assert gain.measured == (10.0, 9.0)
    assert gain.mean == 9.5
    assert gain.deviation == pytest.approx(0.5**0.5)
    assert gain.is_difference
    assert gain.over_paper == pytest.approx(1.3)


def test_it_is_printed_with_signs_and_the_paper_beside_it():
    filled = FilledTable(TABLE, build_cells(TABLE, Measured(RESULTS), PAPER))
    lines = as_csv(filled).splitlines()
    # Student's t of two seeds, 12.706 / sqrt(2) deviations each way; the paper's 8.2 is a constant
    assert lines[1] == "gain,+8.2,+9.5 ± 0.7 (+3.1 to +15.9),+1.3 (-5.1 to +7.7)"
    assert lines[2] == "scene,,31.0 ± 1.4 (18.3 to 43.7),"
    assert lines[4:] == ["quoted,8.2,quoted,", "over nothing,,–,"]
    assert gains(filled) == []  # said by a row of its own
    cells = [row["cells"][0] for row in as_json(filled)["rows"]]
    assert [cell["is_difference"] for cell in cells] == [True, False, False, False, True]
    assert cells[0]["difference_interval"] == pytest.approx([1.3 - 6.353, 1.3 + 6.353], abs=1e-3)
    assert cells[4]["difference_interval"] is None


def test_it_is_stale_with_its_rows():
    (gain,), *_ = build_cells(TABLE, Measured(RESULTS, {("scene", "linear"): "old code"}), PAPER)
    assert gain.stale == "old code"


ONE_SEED = [result("scene", 0, 30.0, (27.0, 34.0)), result("objects", 0, 40.0, (36.0, 43.0))]


def test_of_one_seed_its_interval_joins_those_of_the_rows_as_if_they_were_independent_and_the_notes_say_so():
    (gain,), *_ = cells = build_cells(TABLE, Measured(ONE_SEED), PAPER)
    assert gain.interval[:2] == pytest.approx((10 - math.hypot(4, 4), 10 + math.hypot(3, 3)))
    assert gain.interval.over == "independent rows"
    filled = FilledTable(TABLE, cells)
    assert as_csv(filled).splitlines()[1] == "gain,+8.2,+10.0 (+4.3 to +14.2),+1.8 (-3.9 to +6.0)"
    (said,) = [text for text in notes(filled) if text.startswith("Of a difference of rows")]
    assert "as if its rows were independent" in said


def contributions(values, images="same"):
    return [Contributions(images, {"map": np.asarray(values) / 100})]


def test_of_one_seed_it_is_paired_by_the_images_where_the_scores_of_its_rows_are_here():
    """What both rows share, here almost all of it, does not widen it."""
    rng = np.random.default_rng(3)
    scene = rng.normal(30, 20, 400)
    objects = scene + rng.normal(10, 1, 400)
    of = {("scene", "linear"): contributions(scene), ("objects", "linear"): contributions(objects)}
    (gain,), *_ = cells = build_cells(TABLE, Measured(ONE_SEED, contributions=of), PAPER)
    assert gain.interval.over == "paired images"
    # a normal interval of the mean of 400 differences of deviation 1
    middle, half = float((objects - scene).mean()), 1.96 / 20
    assert gain.interval[:2] == pytest.approx((middle - half, middle + half), abs=0.03)
    (said,) = [text for text in notes(FilledTable(TABLE, cells)) if text.startswith("Of a difference of rows")]
    assert "paired bootstrap" in said


@pytest.mark.parametrize(
    "objects", [[], contributions([40.0, 41.0], images="others")], ids=["not there", "of other images"]
)
def test_it_is_not_paired_by_scores_that_do_not_fit(objects):
    of = {("scene", "linear"): contributions([30.0, 31.0])} | ({("objects", "linear"): objects} if objects else {})
    (gain,), *_ = build_cells(TABLE, Measured(ONE_SEED, contributions=of), PAPER)
    assert gain.interval.over == "independent rows"


def test_the_mean_of_several_rows_is_not_paired_by_the_scores_of_some():
    rows = [{"label": name, "run": name} for name in ("scene", "objects")]
    both = {"label": "gain", "difference": {"of": ["objects", "scene"], "minus": ["scene"]}}
    table = Table.model_validate({"title": "t", "columns": TABLE.model_dump()["columns"], "rows": [*rows, both]})
    of = {("scene", "linear"): contributions([30.0, 31.0])}
    *_, (gain,) = build_cells(table, Measured(ONE_SEED, contributions=of), PAPER)
    assert gain.interval.over == "independent rows"


def test_several_seeds_are_paired_whatever_else_is_known():
    seeds = [
        result("scene", 0, 30.0, (27.0, 34.0)),
        result("scene", 1, 40.0, (37.0, 44.0)),
        result("objects", 0, 40.0, (36.0, 43.0)),
        result("objects", 1, 51.0, (47.0, 54.0)),
    ]
    (gain,), (scene,), *_ = cells = build_cells(TABLE, Measured(seeds), PAPER)
    # the differences 10 and 11, far closer to each other than the seeds of a row
    assert gain.interval[:2] == pytest.approx((10.5 - 12.7062 / 2, 10.5 + 12.7062 / 2))
    assert gain.interval.over == "seeds"
    assert scene.interval.over == "seeds"
    said = [text for text in notes(FilledTable(TABLE, cells)) if "95% interval" in text]
    assert [text.startswith("Of a difference of rows") for text in said] == [False, True]
    assert "2 pairs of runs of one seed" in said[1]


def test_it_has_no_interval_if_one_row_has_none():
    (gain,), *_ = build_cells(TABLE, Measured([result("scene", 0, 30.0), result("objects", 0, 40.0, (36, 43))]), PAPER)
    assert gain.interval is None


def cell(value, low, high):
    return Cell((value,), image_interval=Interval(low, high, "images"))


def test_several_rows_count_with_their_mean():
    above = [cell(60.0, 59.0, 61.0)]
    below = [cell(48.7, 47.7, 49.7), cell(51.3, 50.3, 52.3)]
    assert difference_of(above, below) == pytest.approx((10.0,))
    ends = independent_interval(above, below)
    assert ends[:2] == pytest.approx((10 - math.sqrt(2), 10 + math.sqrt(2)))
    assert ends.over == "independent rows"


def test_the_mean_of_several_rows_has_no_interval_if_one_has_none():
    one = cell(60.0, 59.0, 61.0)
    assert independent_interval([one], [one, Cell((50.0,))]) is None


def test_several_rows_above_count_with_their_mean_too():
    assert difference_of([Cell((60.0, 70.0)), Cell((62.0, 70.0))], [Cell((50.0, 50.0))]) == (11.0, 20.0)


SCORES = st.floats(0, 100)


@given(SCORES, SCORES, st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10))
def test_the_other_way_round_is_the_negative(a, b, a_down, a_up, b_down, b_up):
    first, second = cell(a, a - a_down, a + a_up), cell(b, b - b_down, b + b_up)
    (forth,), (low, high, _) = difference_of([first], [second]), independent_interval([first], [second])
    (back,), ends = difference_of([second], [first]), independent_interval([second], [first])
    assert back == pytest.approx(-forth)
    assert ends[:2] == pytest.approx((-high, -low), abs=1e-9)
    assert low - 1e-9 <= forth <= high + 1e-9


def test_it_covers_the_true_difference_of_independent_rows_as_often_as_it_says():
    """Of 4,000 pairs of means of 50 normal values, with normal intervals: binomial deviation 0.0034 at 0.95."""
    rng = np.random.default_rng(7)
    samples = rng.normal([[3.0], [1.0]], [[2.0], [1.0]], size=(4000, 2, 50))
    means, errors = samples.mean(axis=2), 1.96 * samples.std(axis=2, ddof=1) / math.sqrt(50)
    covered = 0
    for (high, low), (high_error, low_error) in zip(means, errors, strict=True):
        above, below = (
            cell(value, value - error, value + error) for value, error in ((high, high_error), (low, low_error))
        )
        ends = independent_interval([above], [below])
        covered += ends.low <= 2.0 <= ends.high
    assert 0.93 < covered / 4000 < 0.965
