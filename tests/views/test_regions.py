"""Regions: what dilation means, and that no region leaves its image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size, as_boxes, contains, whole
from objectcrop.views.regions import as_box, dilate, draw_rank, to_whole_pixels, usable_ranks, whole_box

WAYS = ("image_total", "image_per_side", "box_fraction", "coordinate_released")
SIZE = Size(200, 100)


@st.composite
def boxes_in_images(draw):
    size = Size(draw(st.integers(4, 1000)), draw(st.integers(4, 1000)))
    shares = draw(st.lists(st.floats(0, 1), min_size=4, max_size=4))
    x1, x2 = sorted((shares[0] * size.width, shares[1] * size.width))
    y1, y2 = sorted((shares[2] * size.height, shares[3] * size.height))
    return as_boxes([x1, y1, x2, y2]), size


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("image_total", [70, 25, 130, 65]),
        ("image_per_side", [60, 20, 140, 70]),
        ("box_fraction", [78, 28.5, 122, 61.5]),
        ("coordinate_released", [72, 27, 132, 66]),
    ],
)
def test_ten_percent_of_what_depends_on_the_reading(way, expected):
    assert list(dilate((80, 30, 120, 60), SIZE, 0.1, way)) == expected


@given(boxes_in_images(), st.floats(0, 1), st.sampled_from(WAYS))
def test_dilation_contains_the_object_and_stays_inside_the_image(case, fraction, way):
    box, size = case
    grown = as_boxes(dilate(as_box(box), size, fraction, way))
    assert contains(grown, box).all()
    assert contains(whole(size), grown).all()


@given(boxes_in_images())
def test_whole_pixels_contain_the_box_and_are_never_empty(case):
    box, size = case
    region = to_whole_pixels(box, size)
    assert contains(region, box, tolerance_px=1.1e-3).all()
    assert contains(whole(size), region).all()
    assert (region == np.round(region)).all()
    assert (region[:, 2:] - region[:, :2] >= 1).all()
    assert whole_box(as_box(box), size) == as_box(region)


def test_boxes_too_small_or_of_too_low_rank_are_never_drawn():
    boxes = as_boxes([[0, 0, 1.5, 90], [10, 10, 40, 40], [0, 0, 4, 4], [50, 50, 90, 90], [0, 0, 99, 99]])
    assert usable_ranks(boxes, SIZE, max_proposals=4) == [1, 3]


def test_usable_proposals_are_drawn_equally_often():
    boxes = as_boxes([[0, 0, 1, 1], [10, 10, 40, 40], [0, 0, 50, 50], [50, 50, 90, 90]])
    rng = np.random.default_rng(0)
    ranks = usable_ranks(boxes, SIZE, 10)
    counts = np.bincount([draw_rank(ranks, rng) for _ in range(3000)], minlength=4)
    assert counts[0] == 0
    assert (abs(counts[1:] - 1000) < 120).all()


def test_no_usable_proposal_is_the_whole_image():
    for boxes in ([], [[0, 0, 1, 1]]):
        assert draw_rank(usable_ranks(as_boxes(boxes), SIZE, 10), np.random.default_rng(0)) == -1
