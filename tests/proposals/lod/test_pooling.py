import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torchvision.ops import roi_pool

from objectcrop.proposals.lod.regions.pooling import (
    by_place,
    pool_bins,
    pool_regions,
    projected,
    random_projection,
    scale_to_one,
)


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


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 7]))
def test_projected_features_are_those_of_whole_ones(seed, grid):
    rng = np.random.default_rng(seed)
    features = rng.gamma(0.5, size=(5, 9, 12)).astype(np.float32)
    low = rng.integers(0, (100, 60), (8, 2))
    boxes = np.concatenate([low, low + rng.integers(2, 80, (8, 2))], axis=1)[[0, 1, 2, 1, 3, 4, 5, 6, 7]]  # one twice
    whole = random_projection(5 * grid**2, 8, rng)
    bins = pool_bins(features, boxes, stride_px=8, grid=grid)
    expected = scale_to_one(pool_regions(features, boxes, stride_px=8, grid=grid)).astype(np.float64) @ whole
    assert_allclose(projected(bins, by_place(whole, grid**2)), expected, rtol=1e-5, atol=1e-5)


def test_a_projection_in_bfloat16_is_off_by_its_rounding():
    rng = np.random.default_rng(0)
    features = rng.gamma(0.5, size=(64, 9, 12)).astype(np.float32)
    bins = pool_bins(features, np.array([[0, 0, 90, 70], [8, 8, 60, 60]]), stride_px=8, grid=3)
    exact, narrow = (
        projected(bins, by_place(random_projection(64 * 9, 128, np.random.default_rng(1)), 9, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert narrow.dtype == np.float32
    error = np.linalg.norm(narrow - exact) / np.linalg.norm(exact)
    assert 2**-12 < error < 2**-7


def test_a_bin_that_boxes_share_is_pooled_once():
    boxes = np.array([[0, 0, 48, 48], [0, 0, 48, 48], [0, 0, 48, 96]])
    bins = pool_bins(np.ones((2, 12, 12), np.float32), boxes, stride_px=8, grid=2)
    assert_array_equal(bins.places[0], bins.places[1])
    assert bins.places.size == 12
    assert len(bins.pooled) == 8


def test_projected_features_of_zeros_or_of_no_regions_do_no_harm():
    features, projection = np.zeros((2, 3, 3), np.float32), torch.ones(49, 2, 8)
    for boxes in (np.zeros((0, 4), np.int64), np.array([[0, 0, 20, 20]])):
        values = projected(pool_bins(features, boxes, stride_px=8, grid=7), projection)
        assert_array_equal(values, np.zeros((len(boxes), 8)))


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
