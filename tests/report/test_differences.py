"""A difference is a row of its own: seed by seed, with an interval where every row has one, beside the paper's difference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.report.cells import Cell, Measured, build_cells
from objectcrop.report.differences import difference_of
from objectcrop.report.notes import notes
from objectcrop.report.rendering import as_csv, as_json, as_markdown, gains
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
    cells = build_cells(TABLE, Measured(RESULTS), PAPER)
    lines = as_csv(TABLE, cells).splitlines()
    assert lines[1] == "gain,+9.5 ± 0.7,+8.2,+1.3"
    assert lines[2] == "scene,31.0 ± 1.4,,"
    assert lines[4:] == ["quoted,quoted,8.2,", "over nothing,–,,"]
    assert gains(TABLE, cells) == []  # said by a row of its own
    assert [row["cells"][0]["is_difference"] for row in as_json(TABLE, cells)["rows"]] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_it_is_stale_with_its_rows():
    text = as_markdown(TABLE, build_cells(TABLE, Measured(RESULTS, {("scene", "linear"): "old code"}), PAPER))
    assert "+9.5 ± 0.7 (stale)" in text


def test_its_interval_joins_those_of_the_rows():
    one = [result("scene", 0, 30.0, (27.0, 34.0)), result("objects", 0, 40.0, (36.0, 43.0))]
    (gain,), *_ = cells = build_cells(TABLE, Measured(one), PAPER)
    assert gain.interval == pytest.approx((10 - math.hypot(4, 4), 10 + math.hypot(3, 3)))
    assert as_csv(TABLE, cells).splitlines()[1] == "gain,+10.0 (+4.3 to +14.2),+8.2,+1.8"
    assert "In brackets: 95% interval over the test images; of a difference, as if rows were independent." in notes(
        TABLE, cells
    )


def test_it_has_no_interval_if_one_row_has_none():
    (gain,), *_ = build_cells(TABLE, Measured([result("scene", 0, 30.0), result("objects", 0, 40.0, (36, 43))]), PAPER)
    assert gain.interval is None


def test_several_rows_count_with_their_mean():
    above = [Cell((60.0,), interval=(59.0, 61.0))]
    below = [Cell((48.7,), interval=(47.7, 49.7)), Cell((51.3,), interval=(50.3, 52.3))]
    values, interval = difference_of(above, below)
    assert values == pytest.approx((10.0,))
    assert interval == pytest.approx((10 - math.sqrt(2), 10 + math.sqrt(2)))


def test_the_mean_of_several_rows_has_no_interval_if_one_has_none():
    one = Cell((60.0,), interval=(59.0, 61.0))
    assert difference_of([one], [one, Cell((50.0,))]) == ((5.0,), None)


def test_several_rows_above_count_with_their_mean_too():
    assert difference_of([Cell((60.0, 70.0)), Cell((62.0, 70.0))], [Cell((50.0, 50.0))]) == ((11.0, 20.0), None)


SCORES = st.floats(0, 100)


@given(SCORES, SCORES, st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10))
def test_the_other_way_round_is_the_negative(a, b, a_down, a_up, b_down, b_up):
    first, second = Cell((a,), interval=(a - a_down, a + a_up)), Cell((b,), interval=(b - b_down, b + b_up))
    (forth,), (low, high) = difference_of([first], [second])
    (back,), ends = difference_of([second], [first])
    assert back == pytest.approx(-forth)
    assert ends == pytest.approx((-high, -low), abs=1e-9)
    assert low - 1e-9 <= forth <= high + 1e-9


def test_it_covers_the_true_difference_of_independent_rows_as_often_as_it_says():
    """Of 4,000 pairs of means of 50 normal values, with normal intervals: binomial deviation 0.0034 at 0.95."""
    rng = np.random.default_rng(7)
    samples = rng.normal([[3.0], [1.0]], [[2.0], [1.0]], size=(4000, 2, 50))
    means, errors = samples.mean(axis=2), 1.96 * samples.std(axis=2, ddof=1) / math.sqrt(50)
    covered = 0
    for (high, low), (high_error, low_error) in zip(means, errors, strict=True):
        above = Cell((high,), interval=(high - high_error, high + high_error))
        below = Cell((low,), interval=(low - low_error, low + low_error))
        _, ends = difference_of([above], [below])
        covered += ends[0] <= 2.0 <= ends[1]
    assert 0.93 < covered / 4000 < 0.965
