"""Rows against their controls: hand-computed differences, intervals and verdicts."""

import math

import pytest
from scipy.stats import ttest_rel

from objectcrop.report.tables.contrasts import (
    contrast,
    contrasts_of,
    control_of,
    image_interval,
    interval_over_seeds,
    judged_column,
)

CROPS = {"nothing": "untrained", "moco": "scene", "moco-objects": "objects", "byol": "scene", "byol-objects": "objects"}
METHODS = {
    "nothing": "random_init",
    "moco": "moco_v2",
    "moco-objects": "moco_v2",
    "byol": "byol",
    "byol-objects": "byol",
}


def cell(run, *measured, interval=None, is_difference=False, stale=""):
    mean = sum(measured) / len(measured) if measured else None
    values = {"run": run, "measured": list(measured), "mean": mean, "interval": interval}
    return values | {"is_difference": is_difference, "stale": stale}


def table(*columns):
    """Each column is a list of cells, whose runs are the labels."""
    rows = zip(*columns, strict=True)
    return {"rows": [{"label": cells[0]["run"], "cells": list(cells)} for cells in rows]}


def test_each_row_is_compared_with_the_scene_crops_of_its_own_method_and_others_with_the_first_scene_crops():
    values = table([cell(run, 1.0) for run in ("nothing", "moco", "moco-objects", "byol", "byol-objects")])
    found = {one.row: one.control for one in contrasts_of(values, 0, CROPS, METHODS)}
    assert found == {"nothing": "moco", "moco-objects": "moco", "byol": "moco", "byol-objects": "byol"}


def test_without_scene_crops_the_first_measured_row_is_the_control():
    values = table([cell("quoted"), cell("nothing", 3.0), cell("moco-objects", 5.0)])
    assert control_of(values, 0, CROPS) == "nothing"
    (one,) = contrasts_of(values, 0, CROPS, METHODS)
    assert (one.row, one.value, one.verdict) == ("moco-objects", 2.0, "unknown")


def test_rows_are_compared_by_the_first_column_with_two_measured_rows():
    alone = [cell("moco", 1.0), cell("byol")]
    assert judged_column(table(alone, [cell("moco", 1.0), cell("byol", 2.0)])) == 1
    assert judged_column(table(alone)) is None
    gain = [cell("moco", 1.0), cell("gain", 1.0, is_difference=True)]
    assert judged_column(table(gain)) is None
    assert judged_column({"rows": []}) is None


def test_the_interval_over_seeds_is_that_of_the_paired_t_test():
    above, below = [34.1, 36.0, 33.2, 35.5], [30.0, 33.5, 31.9, 30.2]
    differences = [a - b for a, b in zip(above, below, strict=True)]
    expected = ttest_rel(above, below).confidence_interval(0.95)
    assert interval_over_seeds(differences) == pytest.approx((expected.low, expected.high))
    assert interval_over_seeds([1.0]) is None


def test_the_interval_over_test_images_joins_both_as_if_independent():
    cells = {"a": cell("a", 10.0, interval=[7.0, 14.0]), "b": cell("b", 4.0, interval=[0.0, 7.0])}
    one = contrast("a", "b", cells)
    assert one.of_images == pytest.approx((6 - math.hypot(3, 3), 6 + math.hypot(4, 4)))
    assert one.of_seeds is None
    assert one.verdict == "above"


def test_an_interval_over_something_else_than_test_images_is_not_taken_for_one():
    ends = [7.0, 14.0]
    assert image_interval(cell("a", 10.0, interval=ends)) == (7.0, 14.0)
    assert image_interval(cell("a", 10.0, interval=ends) | {"interval_over": "images"}) == (7.0, 14.0)
    of_seeds = cell("a", 10.0, interval=ends) | {"interval_over": "seeds"}
    assert image_interval(of_seeds) is None
    assert image_interval(of_seeds | {"image_interval": [8.0, 12.0]}) == (8.0, 12.0)
    assert contrast("a", "b", {"a": of_seeds, "b": cell("b", 4.0, interval=[3.0, 5.0])}).of_images is None


@pytest.mark.parametrize(
    ("above", "below", "verdict"),
    [
        ((10.0, 11.0, 10.5), (4.0, 5.0, 4.5), "above"),
        ((4.0, 5.0, 4.5), (10.0, 11.0, 10.5), "below"),
        ((10.0, 3.0, 4.0), (4.0, 5.0, 4.5), "unclear"),  # seeds disagree, though test images do not
    ],
)
def test_a_verdict_needs_every_interval_that_is_known(above, below, verdict):
    cells = {
        name: cell(name, *values, interval=[sum(values) / 3 - 0.1, sum(values) / 3 + 0.1])
        for name, values in (("a", above), ("b", below))
    }
    assert contrast("a", "b", cells).verdict == verdict


def test_a_contrast_of_a_stale_value_is_stale():
    cells = {"a": cell("a", 1.0), "b": cell("b", 1.0, stale="other settings")}
    assert contrast("a", "b", cells).is_stale
    assert not contrast("a", "a", cells).is_stale
