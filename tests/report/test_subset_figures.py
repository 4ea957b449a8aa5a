"""Figures of a subset and their words come from the statistics."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from objectcrop.data.box_statistics import CodedBoxes, measure_boxes
from objectcrop.report.subset_figures import draw_subset
from objectcrop.report.subset_words import describe_objects


def counts(num_images, *, side=0.5, is_box=True):
    """Each image has a dog at its top left; every second one a cat in its middle."""
    image = np.array([*range(num_images), *range(0, num_images, 2)], dtype=np.int32)
    is_cat = np.arange(len(image)) >= num_images
    low = np.where(is_cat, 0.5 - side / 2, 0.0)
    corners = np.stack([low, low, low + side, low + side], axis=1).astype(np.float32)
    boxes = CodedBoxes(image, is_cat.astype(np.int32), corners, np.full(len(image), is_box), ("dog", "cat"))
    return measure_boxes(boxes)


def statistics(subset, base):
    per_class = {name: subset.classes[name].tolist() for name in ("num_boxes", "mean_area_share")}
    parts = {"subset_counts": subset.histograms, "base_counts": base.histograms, "per_class": per_class}
    return {"dataset": "ohms", "base": "everything", "split": "train"} | parts


@pytest.fixture
def usual():
    return statistics(counts(10), counts(40, side=0.25))


def test_the_figure_names_both_sets_in_every_panel_that_compares_and_is_the_same_twice(usual):
    drawn = draw_subset(usual)
    assert drawn == draw_subset(usual)
    ElementTree.fromstring(drawn)
    for words in ("Images of each class", "Objects of an image", "Area of an object", "ohms (2 classes)"):
        assert words in drawn
    assert "Box centres: ohms" in drawn
    assert "Box centres: everything" in drawn
    assert "Classes of ohms" in drawn


def test_another_number_is_another_figure(usual):
    assert draw_subset(usual) != draw_subset(statistics(counts(12), counts(40, side=0.25)))


def test_labels_alone_and_boxes_without_area_are_drawn_without_a_warning():
    labels = statistics(counts(4, is_box=False), counts(4))
    assert "Images of each class" in draw_subset(labels)
    assert "Classes of ohms" in draw_subset(statistics(counts(4, side=0.0), counts(4)))
    assert "labels of whole images only" in " ".join(describe_objects(labels))


def test_the_words_hold_the_numbers(usual):
    text = " ".join(describe_objects(usual))
    assert "ohms (blue) has 10 training images of the 40 of everything" in text
    assert "most common of its 2 classes is in 10 images, the rarest in 5: 2.0 times" in text
    assert "1.5 boxes on average, at most 2; in everything 1.5" in text
    assert "less than 25% of their image; in everything less than 6.2%" in text
    # all dogs are centred at (0.25, 0.25), which belongs to the middle, as cats do
    assert "holds 100% of the box centres" in text


def test_images_with_labels_alone_are_counted_apart():
    both = statistics(counts(10), counts(10))
    both["subset_counts"]["num_images"] += 7
    assert "7 of its images have labels without boxes" in " ".join(describe_objects(both))
