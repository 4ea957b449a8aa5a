"""Boxes at the border of the files."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from objectcrop.data.relative_boxes import checked_corners, count_train_images, lie_inside

GOOD = [0.1, 0.2, 0.3, 0.4]


def where(row: int) -> str:
    return f"file, row {row}"


@given(arrays(np.float64, (2, 4), elements=st.floats(-0.0012, 1.0012) | st.just(float("nan"))))
def test_what_passes_lies_in_the_image_and_is_the_right_way_round(corners):
    try:
        checked = checked_corners(corners, where=where)
    except ValueError:
        return
    assert checked.dtype == np.float32
    assert ((checked >= 0) & (checked <= 1)).all()
    assert (checked[:, :2] <= checked[:, 2:]).all()
    assert np.abs(checked - corners).max() <= 1.001e-3


limits = st.sampled_from([-0.0011, -0.001, -0.0009, 0.0, 0.5, 1.0, 1.0009, 1.001, 1.0011, float("nan"), float("inf")])


@given(st.lists(st.tuples(limits, limits, limits, limits), max_size=3))
def test_boxes_lie_inside_where_their_check_passes(corners):
    try:
        checked_corners(corners, where=where)
        passes = True
    except ValueError:
        passes = False
    assert lie_inside(*np.array(corners, dtype=np.float64).reshape(-1, 4).T) == passes


def test_a_small_overflow_is_clipped_and_a_box_without_area_kept():
    checked = checked_corners([[-0.0009, 0, 1.0009, 1], [0.5, 0.5, 0.5, 0.5]], where=where)
    assert checked.tolist() == [[0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]]


def test_no_boxes_are_no_boxes():
    assert checked_corners([], where=where).shape == (0, 4)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0.5, 0.2, 0.4, 0.4], "file, row 1: the box is inverted .* x1 0.5, y1 0.2, x2 0.4, y2 0.4; 2 such"),
        ([0.1, 0.2, 1.002, 0.4], "row 1: the box is outside the image .* x2 1.002"),
        ([-0.1, 0.2, 0.3, 0.4], "row 1: the box is outside"),
        ([np.nan, 0.2, 0.3, 0.4], "row 1: the box has a corner that is no number: x1 nan"),
        ([np.inf, 0.2, 0.3, 0.4], "row 1: the box has a corner that is no number"),
    ],
)
def test_a_bad_box_is_named_with_its_place_and_values(bad, message):
    with pytest.raises(ValueError, match=message):
        checked_corners([GOOD, bad, GOOD, bad], where=where)


def test_classes_are_those_with_boxes_counted_by_training_images():
    rows = [("1", "b", "train"), ("1", "b", "train"), ("2", "b", "train"), ("3", "a", "test")]
    boxes = pd.DataFrame(rows, columns=["image_id", "class_id", "split"])
    pd.testing.assert_frame_equal(
        count_train_images(boxes.astype("category"), {"a": "A", "b": "B"}),
        count_train_images(boxes, {"a": "A", "b": "B"}),
    )
    classes = count_train_images(boxes, {"a": "A", "b": "B", "c": "C"})
    assert classes.to_dict("list") == {"class_id": ["a", "b"], "name": ["A", "B"], "num_train_images": [0, 2]}
    with pytest.raises(ValueError, match=r"1 class\(es\) have boxes but no description, first 'b'"):
        count_train_images(boxes, {"a": "A"})
