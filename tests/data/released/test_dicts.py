"""Released dictionaries become tables; errors name the file and the image."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectcrop.data.released.dicts import read_released, read_released_apart
from tests.data.released.pickles import as_numpy_1, by_hand, saved

A, B = "0001cb734adac2ee", "000002b66c9c498e"


def row(image_id=A, class_id="/m/1", corners=("0.1", "0.5", "0.2", "0.75"), group="0", depiction="0", source="xclick"):
    """13 texts as a box CSV has them: XMin, XMax, YMin, YMax in the middle."""
    return [image_id, source, class_id, "1", *corners, "0", "1", group, depiction, "0"]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images.npy"


def test_lists_of_classes_become_distinct_labels_in_the_order_of_the_file(file):
    released = read_released(saved(file, {B: ["/m/2", "/m/1", "/m/2"], A: ["/m/1"]}))
    assert released.labels.to_numpy().tolist() == [[B, "/m/2"], [B, "/m/1"], [A, "/m/1"]]
    assert len(released.boxes) == 0


@pytest.mark.parametrize("shape", ["with data", "without data", "array", "tuples", "numbers"])
def test_rows_become_boxes_by_hand(file, shape):
    rows = [row(group="1"), row(class_id="/m/2", corners=("0", "1", "0.5", "1.0"), depiction="-1", source="activemil")]
    if shape == "numbers":
        rows = [[*one[:4], *map(float, one[4:8]), *map(int, one[8:])] for one in rows]
    forms = {"with data": {"data": rows}, "array": np.array(rows), "tuples": [tuple(one) for one in rows]}
    released = read_released(saved(file, {A: forms.get(shape, rows)}))
    expected = pd.DataFrame(
        {
            "image_id": pd.Series([A, A], dtype="str"),
            "class_id": pd.Series(["/m/1", "/m/2"], dtype="str"),
            "source": pd.Series(["xclick", "activemil"], dtype="str"),
            "x1": np.float32([0.1, 0]),
            "y1": np.float32([0.2, 0.5]),
            "x2": np.float32([0.5, 1]),
            "y2": np.float32([0.75, 1]),
            "is_group_of": [True, False],
            "is_depiction": [False, False],
            "is_crowd": [False, False],
        }
    )
    pd.testing.assert_frame_equal(released.boxes, expected)
    assert released.labels.to_numpy().tolist() == [[A, "/m/1"], [A, "/m/2"]]


def test_numpy_1_and_2_give_the_same_tables(file):
    value = {A: {"data": [row(), row(class_id="/m/2")]}}
    new = read_released(saved(file, value))
    old = read_released(by_hand(file, as_numpy_1(value)))
    pd.testing.assert_frame_equal(old.boxes, new.boxes)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "names no image"),
        ({"": ["/m/1"]}, "expected an image id"),
        ({f"train/{A}": ["/m/1"]}, "expected an image id"),
        ({"\ud800": ["/m/1"]}, "expected an image id"),
        ({A: []}, f"image '{A}': expected a list"),
        ({A: "/m/1"}, "expected a list of class ids or of CSV rows, got '/m/1'"),
        ({A: {"rows": [row()]}}, "without 'data'"),
        ({A: ["Dog"]}, "expected a class id such as '/m/0284d', got 'Dog'"),
        ({A: ["/m/1", 3]}, "expected a class id"),
        ({A: ["/m/1", row()]}, "expected a class id"),
        ({A: [row(), "/m/1"]}, "expected rows of 13 values"),
        ({A: [row()[:12]]}, "expected rows of 13 values"),
        ({A: [3]}, "expected rows of 13 values"),
        ({A: [row(image_id=B)]}, f"holds a row of image '{B}'"),
        ({A: [row(class_id=7)]}, "expected a class id"),
        ({A: [row(source=7)]}, "expected the source of a box in column 2"),
        ({A: [row(corners=("0", "one", "0", "1"))]}, f"image '{A}': column 6 of a row is no number: 'one'"),
        ({A: [row(corners=("0", 10**400, "0", "1"))]}, "is no number: a value of type int"),
        ({A: [row(corners=("0", "nan", "0", "1"))]}, f"image '{A}': the box has a corner that is no number"),
        ({A: [row(corners=("0.5", "0.1", "0", "1"))]}, "inverted"),
        ({A: [row(corners=("0", "1.5", "0", "1"))]}, "outside the image"),
        ({A: [row(group="2")]}, "is_group_of must be -1, 0 or 1, got 2"),
        ({A: [row(depiction="nan")]}, "is_depiction must be -1, 0 or 1, got nan"),
    ],
)
def test_what_is_no_list_of_the_release_is_rejected_by_place(file, value, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_released(saved(file, value))
    assert str(file) in str(caught.value)


ANY = st.recursive(
    st.sampled_from([A, B, "/m/1", "data", "0.5", "x", "\ud800", "", 0, 1, 10**400, 0.5, float("nan"), True, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([A, B, "data"]), inner, max_size=2),
    max_leaves=8,
)
ROWS = st.lists(
    st.one_of(st.sampled_from(row()), st.sampled_from(["2", "-1", 10**400, "\ud800", 0.5])), min_size=13, max_size=14
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(st.sampled_from([A, B, "\ud800"]), ANY | st.lists(ROWS, max_size=2), max_size=2))
def test_any_value_becomes_tables_or_one_error_that_names_the_file(file, value):
    released, message = None, str(file)
    try:
        released = read_released(saved(file, value))
    except ValueError as error:
        message = str(error)
    assert message.startswith(str(file))
    assert released is None or len(released.labels) > 0
    assert released is None or not released.labels.duplicated().any()


def test_a_file_that_brings_python_down_brings_down_only_the_process_that_reads_it(file):
    # hashing tuples a million deep overflows the stack of C
    by_hand(file, b"\x80\x02})" + b"\x85" * 1_000_000 + b"Ns.")
    with pytest.raises(ValueError, match="brought Python down"):
        read_released_apart(file)


def test_an_error_of_the_process_apart_is_told_as_it_is(file):
    with pytest.raises(ValueError, match="names no image"):
        read_released_apart(saved(file, {}))
