import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torchvision.ops import roi_pool

from objectcrop.proposals.lod.regions.pooling import pool_regions, random_projection, scale_to_one


def test_a_region_takes_the_greatest_value_of_its_cells():
    features = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    pooled = pool_regions(features, np.array([[0, 0, 24, 24], [16, 16, 24, 24]]), stride_px=8, grid=1)
    assert_array_equal(pooled, [[15.0], [15.0]])
    assert pool_regions(features, np.array([[0, 0, 24, 24]]), stride_px=8, grid=2).shape == (1, 4)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([(8, 7), (16, 7), (16, 3)]))
def test_pooled_features_are_torchvision_s_to_the_bit(seed, stride_and_grid):
    stride, grid = stride_and_grid
    rng = np.random.default_rng(seed)
    size = rng.integers(stride, 20 * stride, size=2)  # width and height; what is no whole cell is not in the map
    low = (rng.random((9, 2)) * (size - 2)).astype(np.int64)
    boxes = np.concatenate([low, low + 2 + (rng.random((9, 2)) * (size - low - 1)).astype(np.int64)], axis=1)
    features = rng.random((3, size[1] // stride, size[0] // stride), dtype=np.float32)
    rois = torch.from_numpy(np.concatenate([np.zeros((9, 1)), boxes], axis=1).astype(np.float32))
    expected = roi_pool(torch.from_numpy(features)[None], rois, output_size=grid, spatial_scale=1 / stride)
    assert_array_equal(pool_regions(features, boxes, stride_px=stride, grid=grid), expected.flatten(1).numpy())


def test_no_regions_give_no_rows():
    assert pool_regions(np.ones((2, 3, 3), np.float32), np.zeros((0, 4), np.int64), stride_px=8).shape == (0, 98)


def test_features_of_zeros_stay_zeros():
    assert_array_equal(scale_to_one(np.zeros((2, 3), np.float32)), np.zeros((2, 3)))
    assert scale_to_one(np.array([[1.0, 4.0]], np.float32)).max() == 1


def test_a_random_projection_keeps_dot_products_on_average():
    rng = np.random.default_rng(0)
    inputs = rng.gamma(1.0, size=(6, 3000)).astype(np.float32)
    projected = inputs @ random_projection(3000, 2000, rng)
    assert_allclose(projected @ projected.T, inputs @ inputs.T, rtol=0.25)


def test_equal_generators_give_equal_projections():
    first, second = (random_projection(20, 8, np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, second)
    assert first.std() == pytest.approx(1 / np.sqrt(8), rel=0.2)
