"""What the report says of a subset beside the paper follows from its counts and settings."""

import copy

import pytest

from objectcrop.report.subset_comparison import compare_with_paper

RULES = {
    "source": "ohms",
    "of": "openimages",
    "min_classes_per_image": 2,
    "min_images_per_class": 900,
    "match": "strict",
    "fixpoint": True,
    "drop_group_of": False,
    "drop_depiction": False,
    "labels": "restricted",
    "max_train_images": None,
    "max_test_images": 40_000,
}
TRAIN = {
    "num_images": 851_012,
    "num_classes": 310,
    "num_boxes": 8_000_000,
    "boxes_per_image": 9.4,
    "min_images_per_class": 912,
    "max_images_per_class": 400_000,
}


def compared(settings=None, train=None, test=40_000, base="openimages", selected_from=1_743_042):
    summary = {
        "dataset": "ohms",
        "settings": RULES | (settings or {}),
        "steps": [{"rule": "a", "num_images": selected_from, "num_classes": 601}],
        "splits": {"train": TRAIN | (train or {})},
    }
    if test is not None:
        summary["splits"]["test"] = {"num_images": test}
    return compare_with_paper(summary, base)


def words(comparison):
    return " ".join(comparison.sentences)


def test_every_number_of_the_text_has_a_row_with_its_difference():
    rows = {row.label: row for row in compared().rows}
    assert [(row.paper, row.is_about) for row in rows.values()] == [
        (212_753, False),
        (208, False),
        (12, True),
        (1_000, True),
        (60_000, True),
        (40_000, True),
    ]
    assert rows["training images"].difference == "+638,259 (× 4)"
    assert rows["classes"].difference == "+102 (× 1.49)"
    assert rows["boxes an image"].difference == "-2.6 (× 0.783)"
    assert rows["fewest images a class"].difference == "-88 (× 0.912)"


def test_rules_that_keep_more_say_how_much_and_that_a_sampling_is_likely():
    text = words(compared())
    assert "(match: strict) keep 4 times as many images as its 212,753" in text
    assert "a sampling that it does not state is likely" in text
    assert "310 classes reach the minimum here, 208 in the paper" in text
    assert "9.4 boxes here and about 12 in the paper; left out are boxes of dropped classes" in text
    assert "keep 2 times" in words(compared(train={"num_images": 425_506}))
    assert "(match: loose)" in words(compared({"match": "loose"}))


def test_rules_that_keep_fewer_say_how_many():
    assert "keep 12,753 images fewer than the paper's 212,753" in words(compared(train={"num_images": 200_000}))


def test_a_sample_is_said_to_be_set_and_not_found():
    text = words(compared({"max_train_images": 212_753}, {"num_images": 212_753, "min_images_per_class": 120}))
    assert "that of max_train_images (212,753), a random sample after the rules: it is set, not found" in text
    assert "a sampling that it does not state" not in text
    assert "120 images, fewer than the minimum of 900: the sample is drawn after the rule" in text


def test_a_sample_larger_than_what_the_rules_keep_is_no_sample():
    assert "it is set, not found" not in words(compared({"max_train_images": 900_000}))


def test_raw_labels_are_compared_with_the_release():
    text = words(compared({"labels": "raw"}, {"num_classes": 590, "min_images_per_class": 3}))
    assert "Every class of the kept images counts here: 590" in text
    assert "released lists have 576" in text
    assert "3 images, fewer than the minimum of 900: labels: raw keeps every class" in text
    assert "no box of a kept image is left out" in text


def test_one_pass_explains_rare_classes():
    assert "fixpoint: false stops after one pass" in words(compared({"fixpoint": False}, {"min_images_per_class": 700}))


def test_other_rules_than_the_papers_are_named():
    text = words(compared({"min_images_per_class": 500, "min_classes_per_image": 3}))
    assert "min_images_per_class is 500; the paper says 900" in text
    assert "min_classes_per_image is 3; the paper says 2" in text
    assert "the paper says" not in words(compared())
    assert "max_classes_per_image is 1: images of more classes are left out" in words(
        compared({"max_classes_per_image": 1})
    )


def test_dropped_kinds_of_boxes_are_named():
    text = words(compared({"drop_group_of": True, "drop_depiction": True}))
    assert "left out are group-of boxes, boxes of depictions, boxes of dropped classes" in text


def test_what_agrees_needs_no_reason():
    same = {"num_images": 212_753, "num_classes": 208, "boxes_per_image": 12.3, "min_images_per_class": 1_000}
    comparison = compared(train=same | {"max_images_per_class": 60_000})
    assert comparison.sentences == ("The number of images is the paper's, 212,753.",)
    assert [row.difference for row in comparison.rows][:2] == ["+0 (× 1)", "+0 (× 1)"]


@pytest.mark.parametrize(
    ("test", "limit", "said"),
    [
        (None, 40_000, "There are no test images"),
        (31_000, 40_000, "Only 31,000 test images"),
        (5_000, 5_000, "max_test_images is 5000, which gives 5,000"),
        (70_000, None, "max_test_images is null, which gives 70,000"),
    ],
)
def test_the_number_of_test_images_is_explained(test, limit, said):
    assert said in words(compared({"max_test_images": limit}, test=test))


def test_drawn_scenes_do_not_compare_and_it_is_said_why():
    comparison = compared({"of": "drawn", "min_images_per_class": 250}, {"num_images": 3_100}, base="drawn")
    assert comparison.sentences == (
        "The comparison does not apply: ohms was selected from drawn, which is drawn data and not Open Images. Its 3,100 images "
        "show that the rules run, not what they leave of Open Images.",
        "min_images_per_class is 250; the paper says 900 images a class must have.",
    )
    assert {row.difference for row in comparison.rows} == {"–"}
    assert comparison.rows[0].measured == 3_100


def test_a_part_of_open_images_does_not_compare_and_its_share_is_said():
    comparison = compared(selected_from=174_304)
    assert "174,304 boxed training images, 10% of the 1,743,042 of Open Images" in words(comparison)
    assert {row.difference for row in comparison.rows} == {"–"}
    assert "does not apply" not in words(compared(selected_from=1_700_000))


def test_the_released_lists_are_called_so():
    settings = {"source": "released_ohms", "of": "openimages", "train_boxes": "rows.npy"}
    summary = {
        "dataset": "released",
        "settings": settings,
        "steps": [{"rule": "listed by the authors", "num_images": 212_753, "num_classes": 576}],
        "splits": {"train": TRAIN | {"num_images": 212_753, "num_classes": 576, "min_images_per_class": 4}},
    }
    text = words(compare_with_paper(summary, "openimages"))
    assert "authors' released lists, not our rules: 212,753 training images, just as in the paper." in text
    assert "counts here: 576" in text
    assert "fewer than the minimum of 900: the lists keep every class of their images" in text
    fewer = copy.deepcopy(summary)
    fewer["settings"]["train_boxes"] = None
    fewer["splits"]["train"] |= {"num_images": 900, "num_boxes": 0, "boxes_per_image": None}
    text = words(compare_with_paper(fewer, "openimages"))
    assert "900 training images, where the paper has 212,753" in text
    assert "labels only, so boxes are not counted" in text
