"""Crops: image and targets stay aligned, are of one size, and depend on epoch and image alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.data.class_maps import IGNORED, list_class_maps
from objectcrop.evaluate.segmentation.samples import CropPlan, Crops, Wholes, cut, plan_crop, read_image, resized_sides
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.tasks import SemanticSegmenterTask
from tests.evaluate.segmentation.conftest import ADE

TASK = SemanticSegmenterTask(kind="semantic_segmenter", dataset="ade", size_px=48, scales=(0.5, 2.0))
sides = st.integers(1, 400)


@given(sides, sides, st.integers(0, 10_000))
def test_a_crop_is_in_the_resized_image_or_begins_at_its_corner(width, height, seed):
    plan = plan_crop(width, height, TASK, np.random.default_rng(seed))
    assert 24 <= min(plan.width, plan.height) <= 96
    assert max(plan.width, plan.height) == pytest.approx(
        max(width, height) * min(plan.width, plan.height) / min(width, height), rel=0.03
    )
    for side, start in ((plan.width, plan.left), (plan.height, plan.top)):
        assert 0 <= start <= max(side - 48, 0)


def test_image_and_targets_are_cut_at_the_same_place():
    """The targets of an image whose pixels are its classes are its pixels, wherever no two classes are mixed."""
    targets = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((20, 20), dtype=np.uint8))
    image = np.repeat(targets[..., None], 3, axis=2)
    for flipped in (False, True):
        plan = CropPlan(160, 120, 37, 11, flipped)
        pixels, classes = cut(image, plan, 48, (0, 0, 0)), cut(targets, plan, 48, IGNORED)
        assert pixels.shape == (48, 48, 3)
        assert (pixels[..., 0] == classes).mean() > 0.9
        assert set(np.unique(classes)) <= set(range(12))
    plain = cut(targets, CropPlan(160, 120, 37, 11, False), 48, IGNORED)
    assert plain[0, 0] == targets[11 // 2, 37 // 2]
    np.testing.assert_array_equal(classes, plain[:, ::-1])


def test_outside_a_small_image_nothing_counts():
    targets = np.ones((30, 20), dtype=np.uint8)
    crop = cut(targets, CropPlan(20, 30, 0, 0, False), 48, IGNORED)
    assert (crop[:30, :20] == 1).all()
    assert (crop == 1).sum() == 600
    assert (crop[30:] == IGNORED).all()


def test_crops_depend_on_epoch_and_image_alone(root):
    crops = Crops(list_class_maps("ade", ADE, root), TASK, Seeds(0, 0))
    first = crops.__getitems__([(0, 3), (0, 5)])
    assert first.images.shape == (2, 48, 48, 3)
    assert first.targets.shape == (2, 48, 48)
    again = crops.__getitems__([(0, 5)])
    assert again.images[0].equal(first.images[1])
    assert again.targets[0].equal(first.targets[1])
    assert again.ids == first.ids[1:]
    assert not crops.__getitems__([(1, 5)]).images[0].equal(first.images[1])


def test_each_image_of_an_epoch_has_a_plan_of_its_own(root):
    crops, plans = Crops(list_class_maps("ade", ADE, root), TASK, Seeds(0, 0)), set()
    for epoch, row in [(0, 3), (0, 5), (0, 8), (1, 3)]:
        rng = Seeds(0, 0).generator("segmentation-crops", epoch, crops.images[row].image_id)
        plans.add(plan := plan_crop(80, 64, TASK, rng))
        _, targets = read_image(crops.data, crops.images[row])
        np.testing.assert_array_equal(crops.__getitems__([(epoch, row)]).targets[0], cut(targets, plan, 48, IGNORED))
    assert len(plans) >= 3  # two may be the same by chance


def test_a_test_image_is_resized_and_its_targets_are_not(root):
    batch = Wholes(list_class_maps("ade", ADE, root), "test", 32).__getitems__([2])
    assert batch.images.shape == (1, 32, 40, 3)
    assert batch.targets.shape == (1, 64, 80)
    assert resized_sides(1000, 3, 32)[1] == 32
