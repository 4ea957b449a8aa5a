"""Intervals over seeds: Student's t, by hand, by scipy and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.interval_notes import interval_notes
from objectcrop.report.tables.intervals import Interval, reach, seed_interval
from objectcrop.study.settings.tables import Table


def test_of_two_seeds_it_is_half_their_distance_times_the_quantile():
    """s / sqrt(2) is half the distance, and t of one degree of freedom is the tangent of 0.475 pi, 12.706."""
    low, high, over = seed_interval([30.0, 32.0])
    assert (low, high) == pytest.approx((31 - 12.7062, 31 + 12.7062), abs=1e-4)
    assert over == "seeds"


@given(st.lists(st.floats(0, 100), min_size=2, max_size=12).filter(lambda values: np.std(values) > 1e-6))
def test_it_is_scipys(values):
    ends = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert seed_interval(values)[:2] == pytest.approx((ends.low, ends.high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("values", [[], [4.0], [4.0, 4.0, 4.0]])
def test_there_is_none_where_nothing_depends_on_the_seed(values):
    assert seed_interval(values) is None


@pytest.mark.parametrize("num_seeds", [2, 5])
def test_it_holds_the_true_mean_as_often_as_it_says(num_seeds):
    """Of 4,000 samples: binomial deviation 0.0034 at 0.95."""
    samples = np.random.default_rng(1).normal(3.0, 2.0, size=(4000, num_seeds))
    covered = sum(low <= 3.0 <= high for low, high, _ in map(seed_interval, samples.tolist()))
    assert 0.94 < covered / 4000 < 0.96


def test_more_seeds_reach_less_far():
    assert reach(2) == pytest.approx(8.985, abs=1e-3)
    assert reach(5) == pytest.approx(1.242, abs=1e-3)


IMAGES = Interval(38.0, 43.0, "images")


@pytest.mark.parametrize(("measured", "over"), [((40.0,), "images"), ((40.0, 40.0), "images"), ((40.0, 41.0), "seeds")])
def test_a_cell_has_that_over_seeds_where_they_differ_and_else_that_over_images(measured, over):
    assert Cell(measured, image_interval=IMAGES).interval.over == over


def test_a_cell_of_one_seed_has_none_if_its_result_has_none():
    assert Cell((40.0,)).interval is None


def said(rows):
    """The sentences under a table of these cells."""
    columns = [{"metric": name, "label": name} for name in ("a", "b")]
    table = Table.model_validate(
        {"title": "t", "columns": columns, "rows": [{"label": f"row {n}"} for n in range(len(rows))]}
    )
    return interval_notes(FilledTable(table, rows))


def test_one_thing_that_all_intervals_are_over_is_said_once_without_a_list():
    cell = Cell((40.0,), image_interval=IMAGES)
    (sentence,) = said([[cell, cell], [cell, Cell((1.0,))]])
    assert "over the test images" in sentence
    assert "row" not in sentence


def test_intervals_over_different_things_are_never_mixed_silently():
    fixed, moving = Cell((40.0, 40.0), image_interval=IMAGES), Cell((40.0, 41.0))
    by_seeds, by_images = said([[moving, moving], [fixed, moving], [fixed, fixed]])
    assert by_seeds.endswith("(row 0, row 1: b).")
    assert by_images.endswith("(row 1: a, row 2).")


def test_a_table_without_intervals_says_nothing_of_them():
    assert said([[Cell((40.0,)), Cell()]]) == []
