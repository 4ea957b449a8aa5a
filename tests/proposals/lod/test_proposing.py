import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size, area
from objectcrop.proposals.lod.regions.image_regions import Regions
from objectcrop.proposals.lod.regions.proposing import cap_regions, layer_regions, merge_layers
from objectcrop.proposals.lod.regions.sweep import RootedBoxes


def blocks() -> np.ndarray:
    features = np.full((3, 12, 16), 0.1, dtype=np.float32)
    features[0, 2:6, 2:6] = 5.0
    features[1, 6:10, 9:14] = 5.0
    return features


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("rule", ["base", "wide_margin"])
def test_salient_blocks_and_the_whole_image_are_proposed(rule, reference):
    regions = layer_regions(blocks(), Size(128, 96), rule=rule, reference=reference)
    boxes = set(map(tuple, regions.boxes.tolist()))
    assert {(0, 0, 128, 96), (16, 16, 48, 48), (72, 48, 112, 80)} <= boxes
    assert_array_equal(regions.boxes[0], [0, 0, 128, 96])


@given(st.integers(0, 1000))
def test_proposals_are_in_the_image_and_are_distinct(seed):
    rng = np.random.default_rng(seed)
    features = rng.gamma(0.5, size=(4, *rng.integers(1, 12, size=2))).astype(np.float32)
    size = Size(int(features.shape[2] * 8 + rng.integers(0, 8)), int(features.shape[1] * 8 + rng.integers(0, 8)))
    regions = layer_regions(features, size, rule="wide_margin", num_levels=10)
    assert (regions.boxes >= 0).all()
    assert (regions.boxes[:, 2] <= size.width).all()
    assert (regions.boxes[:, 3] <= size.height).all()
    assert (area(regions.boxes.astype(float)) >= 4).all()
    assert len(np.unique(regions.boxes, axis=0)) == len(regions.boxes)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_map_of_one_value_gives_the_whole_image_and_little_else(value):
    regions = layer_regions(np.full((3, 6, 8), value, dtype=np.float32), Size(64, 48), rule="base")
    assert_array_equal(regions.boxes[0], [0, 0, 64, 48])
    if value == 0:
        assert len(regions.boxes) == 1


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 90), Size(90, 1)])
def test_an_image_of_one_pixel_in_width_or_height_gives_nothing(size):
    shape = (3, -(-size.height // 8), -(-size.width // 8))
    regions = layer_regions(np.ones(shape, dtype=np.float32), size, rule="wide_margin")
    assert regions.boxes.shape == (0, 4)


def test_a_box_of_both_layers_belongs_to_the_finer():
    fine = RootedBoxes(np.array([[0, 0, 9, 9], [4, 4, 6, 6]]), np.array([7, 8]))
    coarse = RootedBoxes(np.array([[0, 0, 9, 9], [1, 1, 3, 3]]), np.array([1, 2]))
    merged = merge_layers(fine, coarse)
    assert_array_equal(merged.boxes, [[0, 0, 9, 9], [1, 1, 3, 3], [4, 4, 6, 6]])
    assert_array_equal(merged.roots, [7, 2, 8])
    assert_array_equal(merged.layers, [0, 1, 0])


def test_the_cap_keeps_the_whole_image_and_the_order():
    boxes = np.array([[0, 0, 50, 50], *([i, i, i + 3, i + 3] for i in range(1, 30))])
    regions = Regions(boxes, np.arange(30), np.zeros(30, dtype=np.int64))
    kept = cap_regions(regions, 10, np.random.default_rng(0))
    assert_array_equal(kept.boxes[0], [0, 0, 50, 50])
    assert len(kept.boxes) == len(np.unique(kept.roots)) == 10
    assert (np.diff(kept.roots) > 0).all()
    assert_array_equal(kept.boxes, boxes[kept.roots])
    assert cap_regions(regions, 30, np.random.default_rng(0)) is regions
