"""The rules of OHMS, against hand-worked cases."""

import pytest

from objectcrop.ohms import select_ohms
from tests.ohms_rows import Rows, annotations, class_table, kept_labels, rules, select


def test_hand_worked_case_takes_three_passes():
    # d is common only through image 4, which falls when c does.
    rows = [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"), ("3", "c"), ("3", "d"), ("4", "d"), ("4", "e")]
    subset = select_ohms(annotations([(i, c, "train") for i, c in rows]), class_table(), rules())
    assert subset.images["image_id"].tolist() == ["1", "2"]
    assert subset.classes.to_dict("list") == {"class_id": ["a", "b"], "name": ["A", "B"], "num_train_images": [2, 2]}
    assert [(step["num_images"], step["num_classes"]) for step in subset.summary["steps"]] == [
        (4, 5),  # a: boxes
        (4, 5),  # b: two classes
        (4, 3),  # c: a, b, d
        (2, 3),  # strict: only a with b
        (2, 2),  # c again: d is gone
        (2, 2),
        (2, 2),
    ]


def test_a_class_is_counted_by_images_and_not_by_boxes():
    rows = [("1", "a", "train")] * 5 + [("1", "b", "train"), ("2", "b", "train"), ("2", "c", "train")]
    assert select(rows, rules()) is None  # a has 5 boxes, in one image


def test_classes_are_counted_after_images_of_one_class_are_dropped():
    rows = [("1", "a", "train"), ("2", "a", "train"), ("3", "a", "train"), ("3", "b", "train"), ("4", "b", "train")]
    assert select(rows, rules()) is None


SMALL: Rows = [(image, c, "train") for image in "123" for c in "ab"] + [("1", "f", "train")]


def test_the_first_test_images_are_those_by_sorted_id_wherever_they_stand():
    held_out = [(image, c, "test") for image in ("t9", "t10", "t2", "t5") for c in "ab"]
    subset = select_ohms(annotations(SMALL + held_out), class_table(), rules(max_test_images=3))
    assert subset.images.loc[subset.images["split"] == "test", "image_id"].tolist() == ["t10", "t2", "t5"]


def test_raw_labels_keep_classes_that_are_not_common_and_restricted_ones_do_not():
    held_out = [("t1", c, "test") for c in "abef"]
    raw = select_ohms(annotations(SMALL + held_out), class_table(), rules(labels="raw"))
    restricted = select_ohms(annotations(SMALL + held_out), class_table(), rules())
    assert raw.classes["class_id"].tolist() == ["a", "b", "f"]
    assert kept_labels(raw, "test") == {"t1": {"a", "b", "f"}}  # e is on no training image
    assert kept_labels(restricted, "test") == {"t1": {"a", "b"}}


@pytest.mark.parametrize(("option", "flag"), [("drop_group_of", "is_group_of"), ("drop_depiction", "is_depiction")])
def test_flagged_boxes_take_part_unless_they_are_dropped(option, flag):
    flagged = [image == "1" for image, _, _ in SMALL]
    assert len(select(SMALL, rules(), **{flag: flagged}).images) == 3
    assert select(SMALL, rules(**{option: True}), **{flag: flagged}).images["image_id"].tolist() == ["2", "3"]


def test_images_of_a_single_class_and_of_several_are_subsets_of_their_own():
    rows = [("1", "a"), ("1", "a"), ("2", "b"), ("3", "a"), ("3", "b"), ("4", "a"), ("4", "b"), ("4", "c")]
    boxes = annotations(
        [(i, c, "train") for i, c in rows] + [("t1", "a", "test"), ("t2", "a", "test"), ("t2", "c", "test")]
    )
    limits = {"min_images_per_class": 1, "min_classes_per_image": 1, "max_classes_per_image": 1}
    single = select_ohms(boxes, class_table(), rules(**limits))
    # t2 shows one kept class, but two classes: it is no image of a single class.
    assert single.images["image_id"].tolist() == ["t1", "1", "2"]
    assert single.summary["steps"][1] == {
        "rule": "b: images with >= 1 and <= 1 classes",
        "num_images": 2,
        "num_classes": 3,
    }
    several = select_ohms(boxes, class_table(), rules(min_images_per_class=1))
    assert several.images["image_id"].tolist() == ["t2", "3", "4"]


def test_a_largest_number_of_classes_below_the_least_is_refused():
    with pytest.raises(ValueError, match="max_classes_per_image: 1 must not be below min_classes_per_image 2"):
        rules(max_classes_per_image=1)


def test_a_sample_is_seeded_and_its_classes_are_recounted():
    rows = [(str(image), c, "train") for image in range(40) for c in "ab"]
    first, again, other = (
        select_ohms(annotations(rows), class_table(), rules(max_train_images=10, min_images_per_class=30, seed=seed))
        for seed in (0, 0, 1)
    )
    assert first.images["image_id"].tolist() == again.images["image_id"].tolist() != other.images["image_id"].tolist()
    assert [(step["num_images"], step["num_classes"]) for step in first.summary["steps"][-2:]] == [(10, 2), (10, 0)]
    reversed_ = select_ohms(annotations(rows[::-1]), class_table(), rules(max_train_images=10, min_images_per_class=30))
    assert reversed_.images["image_id"].tolist() == first.images["image_id"].tolist()


def test_a_class_that_the_sample_does_not_show_is_nowhere():
    # a and b are on 30 images, c and d on 2: a sample of 1 shows one pair alone.
    rows = [
        (f"{n}{pair}", c, "train") for n, pair in [(n, "ab") for n in range(30)] + [(0, "cd"), (1, "cd")] for c in pair
    ]
    rows += [("v", c, "validation") for c in "abcd"]
    subset = select_ohms(annotations(rows), class_table(), rules(max_train_images=1))
    assert len(subset.classes) == 2
    assert set(subset.boxes["class_id"]) == set(subset.classes["class_id"])


def test_the_summary_counts_each_split_beside_the_paper():
    rows = [*SMALL, ("1", "a", "train"), ("v", "a", "validation"), ("v", "b", "validation")]
    summary = select_ohms(annotations(rows), class_table(), rules()).summary
    assert summary["splits"]["train"] == {
        "num_images": 3,
        "num_classes": 2,
        "num_boxes": 7,
        "boxes_per_image": 7 / 3,
        "min_images_per_class": 3,
        "max_images_per_class": 3,
    }
    assert summary["splits"]["validation"]["num_images"] == 1
    assert (summary["paper"]["num_images"], summary["paper"]["num_classes"]) == (212_753, 208)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (rules(min_classes_per_image=4), r"'b: images with >= 4 classes' leaves nothing of 3 training images"),
        (rules(min_images_per_class=900), r"'c: classes with >= 900 images' .* the most common class has 3 images"),
    ],
)
def test_rules_that_leave_nothing_are_named_with_the_counts_before(chosen, message):
    with pytest.raises(ValueError, match=message):
        select_ohms(annotations(SMALL), class_table(), chosen)


def test_boxes_without_a_training_split_are_refused():
    with pytest.raises(ValueError, match="no training boxes"):
        select_ohms(annotations([("1", "a", "test")]), class_table(), rules())
