import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size, are_usable, iou
from objectcrop.proposals.selection import select_by_group, select_by_overlap

BOXES = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 20, 10, 30]], dtype=np.float64)
SCORES = np.array([0.4, 0.9, 0.3, 0.2])


def test_the_best_box_drives_out_those_that_overlap_it():
    assert_array_equal(select_by_group(BOXES, SCORES, np.arange(4), max_boxes=9), [1, 2, 3])
    assert_array_equal(select_by_overlap(BOXES, SCORES, max_boxes=2), [1, 2])


def test_a_group_gives_one_box():
    assert_array_equal(select_by_group(BOXES, SCORES, np.array([0, 1, 1, 2]), max_boxes=9), [1, 3])


def test_ties_keep_their_order_and_nothing_gives_nothing():
    assert_array_equal(select_by_group(BOXES[2:], np.zeros(2), np.arange(2), max_boxes=1), [0])
    assert len(select_by_group(BOXES[:0], SCORES[:0], np.arange(0), max_boxes=3)) == 0


@given(st.integers(0, 500), st.sampled_from([0.1, 0.3, 0.7]))
def test_selected_boxes_overlap_little_and_fall_in_score(seed, max_overlap):
    rng = np.random.default_rng(seed)
    low = rng.random((20, 2)) * 50
    boxes, scores = np.concatenate([low, low + 5 + 30 * rng.random((20, 2))], axis=1), rng.random(20)
    groups = rng.integers(0, 8, 20)
    chosen = select_by_group(boxes, scores, groups, max_boxes=6, max_overlap=max_overlap)
    overlaps = iou(boxes[chosen], boxes[chosen]) - np.eye(len(chosen))
    assert (overlaps <= max_overlap).all()
    assert (np.diff(scores[chosen]) <= 0).all()
    assert len(set(groups[chosen])) == len(chosen) <= 6
    assert chosen[0] == scores.argmax()


@pytest.mark.parametrize(
    ("box", "usable"),
    [((0, 0, 2, 2), True), ((0, 0, 1.9, 50), False), ((0, 0, 50, 1.9), False), ((3, 3, 3, 9), False)],
)
def test_boxes_too_thin_to_crop_from_are_not_usable(box, usable):
    assert are_usable(np.array([box], dtype=float), Size(60, 60)).tolist() == [usable]


def test_boxes_below_a_thousandth_of_the_image_are_not_usable():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], dtype=float)
    assert are_usable(boxes, Size(500, 200)).tolist() == [True, False]
