"""The released lists joined, against tables made by hand."""

import pytest

from objectcrop.data.released.dicts import read_released
from objectcrop.data.released.subset import released_subset
from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGE_LABEL, IMAGES, check
from tests.data.released.pickles import saved
from tests.data.released.test_dicts import row

NAMES = {"/m/1": "One", "/m/2": "Two", "/m/3": "Three"}


@pytest.fixture
def read(tmp_path):
    def read_value(value, name="lists.npy"):
        return read_released(saved(tmp_path / name, value))

    return read_value


@pytest.fixture
def subset(read):
    train = read({"b": ["/m/2", "/m/1"], "a": ["/m/1"]})
    boxes = read(
        {
            "a": {"data": [row("a", "/m/1"), row("a", "/m/1", group="1"), row("a", "/m/3")]},
            "b": {"data": [row("b", "/m/2")]},
            "c": {"data": [row("c", "/m/1"), row("c", "/m/1")]},
        }
    )
    test = read({"t": ["/m/1", "/m/3"], "u": ["/m/3"]})
    return released_subset(train, boxes, test, NAMES)


def test_the_images_are_those_of_the_lists_and_count_real_boxes(subset):
    check(subset.images, IMAGES, where="images")
    assert subset.images.to_numpy().tolist() == [["test", "t", 0, 1], ["train", "a", 2, 1], ["train", "b", 1, 2]]


def test_the_labels_of_an_image_are_exactly_the_listed_ones(subset):
    check(subset.boxes, ANNOTATIONS, where="boxes")
    listed = subset.boxes[["split", "image_id", "class_id"]].drop_duplicates().to_numpy().tolist()
    assert sorted(listed) == [
        ["test", "t", "/m/1"],
        ["train", "a", "/m/1"],
        ["train", "b", "/m/1"],
        ["train", "b", "/m/2"],
    ]


def test_a_label_without_a_box_is_the_whole_image_and_no_object(subset):
    labels = subset.boxes[subset.boxes["source"] == IMAGE_LABEL]
    assert labels["image_id"].tolist() == ["b", "t"]
    assert labels[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 1, 1]] * 2
    assert labels["is_group_of"].all()
    assert not labels[["is_crowd", "is_depiction"]].any(axis=None)


def test_the_classes_are_sorted_by_id_and_counted_by_image(subset):
    check(subset.classes, CLASSES, where="classes")
    assert subset.classes.to_numpy().tolist() == [["/m/1", "One", 2], ["/m/2", "Two", 1]]


def test_the_summary_counts_what_is_there_and_what_was_left_out(subset):
    assert subset.summary["notes"] == {
        "boxes_of_other_images": 2,
        "boxes_of_unlisted_classes": 1,
        "labels_without_box": 1,
        "test_labels_of_other_classes": 2,
    }
    assert subset.summary["splits"] == {
        "train": {
            "num_images": 2,
            "num_classes": 2,
            "num_boxes": 3,
            "boxes_per_image": 1.5,
            "min_images_per_class": 1,
            "max_images_per_class": 2,
        },
        "test": {
            "num_images": 1,
            "num_classes": 1,
            "num_boxes": 0,
            "boxes_per_image": None,
            "min_images_per_class": 1,
            "max_images_per_class": 1,
        },
    }
    assert subset.summary["steps"] == [{"rule": "listed by the authors", "num_images": 2, "num_classes": 2}]


def test_a_training_list_with_rows_brings_its_own_boxes(read):
    subset = released_subset(read({"a": [row("a", "/m/1"), row("a", "/m/2")]}), None, None, NAMES)
    assert subset.boxes["class_id"].tolist() == ["/m/1", "/m/2"]
    assert (subset.boxes["source"] == "xclick").all()


def test_an_image_in_both_lists_is_rejected(read):
    lists = read({"a": ["/m/1"]})
    with pytest.raises(ValueError, match=r"1 image\(s\) are in the training and in the test list, first 'a'"):
        released_subset(lists, None, lists, NAMES)


def test_a_class_without_a_name_is_rejected(read):
    with pytest.raises(ValueError, match="first '/m/9'"):
        released_subset(read({"a": ["/m/9"]}), None, None, NAMES)
