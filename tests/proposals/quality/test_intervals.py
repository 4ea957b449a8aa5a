import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from objectcrop.proposals.quality.intervals import Shares, intervals


def shares(values: list[float]) -> Shares:
    return Shares(np.array(values), np.ones(len(values)))


def test_the_interval_of_a_share_is_about_two_standard_deviations_wide():
    values = [1.0] * 120 + [0.0] * 280
    low, high = intervals({"a": shares(values)})["a"]
    deviation = (0.3 * 0.7 / 400) ** 0.5
    assert low == pytest.approx(0.3 - 1.96 * deviation, abs=0.008)
    assert high == pytest.approx(0.3 + 1.96 * deviation, abs=0.008)


def test_intervals_are_those_of_scipy():
    rng = np.random.default_rng(0)
    above, below = rng.integers(0, 5, 2000).astype(float), rng.integers(4, 9, 2000).astype(float)
    theirs = bootstrap(
        (above, below),
        lambda above, below, axis: above.sum(axis=axis) / below.sum(axis=axis),
        n_resamples=1000,
        paired=True,
        method="percentile",
        rng=rng,
    ).confidence_interval
    width = theirs.high - theirs.low
    assert intervals({"a": Shares(above, below)})["a"] == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_images_with_many_objects_count_for_as_many():
    interval = intervals({"a": Shares(np.array([90.0, 0.0]), np.array([90.0, 10.0]))})["a"]
    assert interval == (0.0, 1.0)  # draws of one image alone, of the other alone
    steady = intervals({"a": Shares(np.tile([90.0, 0.0], 200), np.tile([90.0, 10.0], 200))})["a"]
    assert steady[0] < 0.9 < steady[1]
    assert steady[1] - steady[0] < 0.1


def test_the_same_images_are_drawn_for_every_metric_and_source():
    rng = np.random.default_rng(0)
    values = rng.random(50).tolist()
    first = intervals({"a": shares(values), "b": shares([2 * value for value in values])})
    assert first["b"] == pytest.approx(tuple(2 * end for end in first["a"]))
    assert intervals({"other": shares(values)})["other"] == first["a"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_ends_are_in_order_and_among_the_values(values):
    low, high = intervals({"a": shares(values)})["a"]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_nothing_measured_has_no_interval():
    assert intervals({"a": shares([]), "b": shares([])}) == {"a": None, "b": None}
    assert intervals({"a": Shares(np.zeros(3), np.zeros(3))}) == {"a": None}
