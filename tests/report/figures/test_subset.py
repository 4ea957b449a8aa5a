"""Figures of a subset and their words come from the statistics."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from objectcrop.data.box_statistics import CodedBoxes, measure_boxes
from objectcrop.report.figures.folder import as_svg
from objectcrop.report.figures.subset import subset_figures
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


def drawn(values, *names):
    figures = {figure.name: figure for figure in subset_figures(values)}
    return {name: as_svg(figures[name].drawn) for name in names or figures}


def test_the_figures_name_both_sets_where_they_compare_and_are_the_same_twice(usual):
    figures = drawn(usual)
    assert figures["areas"] == drawn(usual, "areas")["areas"]
    for name in ("images", "objects", "areas"):
        ElementTree.fromstring(figures[name])
        assert "ohms" in figures[name]
        assert "everything" in figures[name]
    assert "ohms (2 classes)" in figures["images"]
    assert figures.keys() == {"images", "objects", "areas", "places", "base-places", "classes"}


def test_another_number_is_another_figure(usual):
    assert drawn(usual, "images") != drawn(statistics(counts(12), counts(40, side=0.25)), "images")


def test_labels_alone_and_boxes_without_area_are_drawn_without_a_warning():
    labels = statistics(counts(4, is_box=False), counts(4))
    assert "ohms (2 classes)" in drawn(labels, "images", "areas", "objects")["images"]
    assert "boxes of the class" in drawn(statistics(counts(4, side=0.0), counts(4)), "classes")["classes"]
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
