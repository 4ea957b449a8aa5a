"""Box geometry: hand-worked cases and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size, area, as_boxes, clip, contains, intersection, iou, to_pixels, to_relative, whole

numbers = st.floats(-50, 150, allow_nan=False)
sides = st.floats(0, 80, allow_nan=False)
sizes = st.builds(Size, st.integers(1, 200), st.integers(1, 200))
box_lists = st.lists(st.tuples(numbers, numbers, sides, sides), max_size=6).map(
    lambda rows: as_boxes([(x, y, x + width, y + height) for x, y, width, height in rows])
)


def slow_intersection(first, second) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return width * height if width > 0 and height > 0 else 0.0


def test_one_box_becomes_one_row_and_nothing_none():
    assert as_boxes([1, 2, 3, 4]).shape == (1, 4)
    assert as_boxes([]).shape == as_boxes(np.zeros((0, 4))).shape == (0, 4)
    assert as_boxes([[1, 2, 3, 4]]).dtype == np.float64


def test_other_than_four_numbers_are_refused():
    with pytest.raises(ValueError, match=r"boxes need 4 numbers .* got shape \(2, 3\)"):
        as_boxes([[1, 2, 3], [4, 5, 6]])


def test_hand_worked_areas_and_overlaps():
    first, second = as_boxes([0, 0, 10, 10]), as_boxes([[5, 5, 15, 15], [10, 0, 20, 10], [2, 2, 4, 4]])
    assert area(second).tolist() == [100, 100, 4]
    assert intersection(first, second).tolist() == [[25, 0, 4]]
    assert iou(first, second) == pytest.approx(np.array([[25 / 175, 0, 4 / 100]]))


def test_boxes_without_area_overlap_nothing():
    point, inside_out = as_boxes([3, 3, 3, 3]), as_boxes([5, 5, 1, 1])
    assert area(inside_out).tolist() == [0]
    assert iou(point, point).tolist() == iou(point, inside_out).tolist() == [[0]]


@given(box_lists, box_lists)
def test_overlaps_equal_a_loop_over_pairs(first, second):
    expected = np.array([[slow_intersection(a, b) for b in second] for a in first]).reshape(len(first), len(second))
    assert intersection(first, second) == pytest.approx(expected)
    shares = iou(first, second)
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    assert shares == pytest.approx(iou(second, first).T)


@given(box_lists, sizes)
def test_clipped_boxes_lie_in_the_image_and_those_within_stay(boxes, size):
    clipped = clip(boxes, size)
    assert contains(np.repeat(whole(size), len(boxes), axis=0), clipped).all()
    assert clip(clipped, size).tolist() == clipped.tolist()
    assert (area(clipped) <= area(boxes) + 1e-9).all()
    assert area(clipped) == pytest.approx(intersection(boxes, whole(size))[:, 0])


@given(box_lists, sizes)
def test_pixels_and_shares_are_each_others_inverse(boxes, size):
    assert to_pixels(to_relative(boxes, size), size) == pytest.approx(boxes)
    assert to_relative(whole(size), size).tolist() == [[0, 0, 1, 1]]


def test_x_goes_with_the_width_and_y_with_the_height():
    assert to_pixels(as_boxes([0.5, 0.5, 1, 1]), Size(200, 100)).tolist() == [[100, 50, 200, 100]]
    assert clip(as_boxes([-5, -5, 300, 300]), Size(200, 100)).tolist() == [[0, 0, 200, 100]]


def test_containment_is_row_by_row_with_a_tolerance():
    outer = as_boxes([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    inner = as_boxes([[0, 0, 10, 10], [1, 1, 10.1, 9], [-1e-7, 0, 10, 10]])
    assert contains(outer, inner).tolist() == [True, False, True]
    assert contains(outer, inner, tolerance_px=0.2).tolist() == [True, True, True]
