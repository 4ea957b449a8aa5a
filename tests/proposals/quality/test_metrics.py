import numpy as np
import pytest

from objectcrop.proposals.quality.metrics import (
    Image,
    corloc,
    curve,
    detection_rate,
    mean_best_overlap,
    mean_object_discovery_ap,
    object_discovery_ap,
)

A, B, FAR = [0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0], [50.0, 50.0, 60.0, 60.0]


def image(proposals: list[list[float]], objects: list[list[float]]) -> Image:
    return Image(np.array(proposals).reshape(-1, 4), np.array(objects).reshape(-1, 4))


def test_boxes_that_are_the_objects_are_perfect():
    images = [image([A, B], [A, B]), image([B, A], [B, A])]
    values = corloc(images), detection_rate(images), mean_best_overlap(images), mean_object_discovery_ap(images)
    assert values == pytest.approx((1, 1, 1, 1))


def test_corloc_looks_at_the_first_box_alone():
    images = [image([FAR, A], [A])]
    assert corloc(images) == 0
    assert corloc(images, max_boxes=None) == 1


def test_an_image_without_boxes_is_a_miss():
    images = [image([], [A, B]), image([A], [A])]
    assert corloc(images) == 0.5
    assert detection_rate(images) == pytest.approx(1 / 3)
    assert mean_best_overlap(images) == 0.5
    assert curve(images, 0.5).precision.tolist() == [0.5]


def test_a_second_box_on_the_same_object_counts_as_false():
    points = curve([image([A, A, B], [A, B])], 0.5)
    assert points.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3])
    assert points.recall.tolist() == [0.5, 0.5, 1]
    assert points.average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_one_box_over_two_objects_counts_once():
    points = curve([image([A], [A, A])], 0.5)
    assert (points.precision.tolist(), points.recall.tolist()) == ([1.0], [1.0])


def test_no_images_measure_nothing():
    assert (corloc([]), detection_rate([]), mean_best_overlap([]), object_discovery_ap([])) == (0, 0, 0, 0)
