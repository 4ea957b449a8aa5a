import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from objectcrop.proposals.cells import channel_sums, unit_features
from objectcrop.proposals.lod.regions.saliency import (
    framed,
    global_mask,
    local_maps,
    peak_map,
    unlike_mean,
    without_border,
    without_frame,
)
from objectcrop.proposals.loops.saliency import seeds, strong_pieces


def test_borders_are_cleared_on_every_side():
    cleared = without_border(np.ones((5, 6)), rows=1, columns=2)
    assert_array_equal(np.flatnonzero(cleared.any(axis=1)), [1, 2, 3])
    assert_array_equal(np.flatnonzero(cleared.any(axis=0)), [2, 3])


def test_base_rule_takes_its_limit_from_the_whole_map():
    values = np.full((5, 5), 2.0)
    values[0, 0] = 10.0
    candidates = peak_map(values, "base")
    assert candidates.min_value == 3.0
    assert not candidates.values.any()


def test_wide_margin_takes_its_limit_inside_the_margin_and_leaves_small_maps_uncleared():
    values = np.ones((15, 14))
    values[0, 3] = 10.0
    candidates = peak_map(values, "wide_margin")
    assert candidates.min_value == 0.5
    assert candidates.values[1:-1].all()
    assert not candidates.values[[0, -1]].any()


def test_global_mask_keeps_what_is_above_half_the_mean_of_all_cells():
    values = np.zeros((4, 4))
    values[1, 1], values[2, 2] = 1.0, 31.0  # the mean over 16 cells is 2
    assert_array_equal(np.argwhere(global_mask(values)), [[2, 2]])


def scene(height: int = 8, width: int = 10) -> np.ndarray:
    """Two kinds of surface: one block of each, on a third."""
    features = np.zeros((3, height, width), dtype=np.float32)
    features[2] = 1.0
    features[:, 2:5, 2:5] = np.array([5.0, 0.0, 0.0])[:, None, None]
    features[:, 3:6, 6:9] = np.array([0.0, 5.0, 0.0])[:, None, None]
    return features


def resembling(features, peaks, mask, **choices):
    maps = local_maps(features, channel_sums(features).lengths, peaks, mask, **choices)
    return without_frame(maps, features.shape[1])


def test_a_local_map_is_the_block_of_its_peak():
    features = scene()
    peak = 3 * 8 + 3
    local = resembling(features, np.array([peak]), np.ones((8, 10), dtype=bool))
    expected = np.zeros((8, 10), dtype=bool)
    expected[2:5, 2:5] = True
    assert_array_equal(local[0] > 0, expected)
    assert local.max() == pytest.approx(2.0)


def test_pieces_that_resemble_the_peak_too_little_are_cleared():
    features = scene()
    features[:, 3:6, 6:9] = np.array([2.0, 4.583, 0.0])[:, None, None]  # cosine 0.4: similarity 0.8, above the mean
    local = resembling(features, np.array([3 * 8 + 3]), np.ones((8, 10), dtype=bool))[0]
    assert local[2:5, 2:5].all()
    assert not local[:, 5:].any()


def test_cells_outside_the_mask_are_cleared():
    features = scene()
    assert not resembling(features, np.array([3 * 8 + 3]), np.zeros((8, 10), dtype=bool)).any()


def test_a_cell_without_features_does_no_harm():
    features = scene()
    features[:, 0, 0] = 0
    assert_array_equal(unit_features(features, channel_sums(features).lengths)[:, 0], np.zeros(3))
    local = resembling(features, np.array([0, 3 * 8 + 3]), np.ones((8, 10), dtype=bool))
    assert np.isfinite(local).all()


def test_the_reference_leaves_out_the_neighbour_below():
    features = np.zeros((2, 5, 5), dtype=np.float32)
    features[0] = 1.0
    features[:, 3, 2] = [0.0, 1.0]  # below the peak at (2, 2)
    everywhere = np.ones((5, 5), dtype=bool)
    sound, released = (
        resembling(features, np.array([2 * 5 + 2]), everywhere, reference=reference)[0] for reference in (False, True)
    )
    assert sound[2, 2] == pytest.approx(1 + 7 / 8)
    assert released[2, 2] == pytest.approx(2.0)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(0, 9, width=32),
    )
)
def test_cells_have_the_sums_and_lengths_of_their_vectors(features):
    saliency, lengths = channel_sums(features)
    assert_array_equal(saliency, np.add.accumulate(features, axis=0)[-1])  # one channel after the other, to the bit
    # the smallest numbers have one bit, so that rounding may halve them
    smallest = float(np.finfo(np.float32).smallest_subnormal)
    assert_allclose(lengths, np.linalg.norm(features.astype(np.float64), axis=0), rtol=1e-7, atol=smallest)


def test_a_cell_unlike_the_others_is_salient_after_centring_though_its_activations_are_low():
    features = np.full((2, 4, 5), 3.0, dtype=np.float32)
    features[:, 1, 2] = [1.0, 3.0]  # the mean of the first channel is 2.9
    assert channel_sums(features).saliency.argmin() == 7
    assert channel_sums(unlike_mean(features)).saliency.argmax() == 7
    assert_allclose(unlike_mean(features)[:, 1, 2], [0, 0, 1.9, 0], rtol=1e-6)
    assert_allclose(unlike_mean(features)[:, 0, 0], [0.1, 0, 0, 0], atol=1e-6)


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)), elements=st.integers(-9, 9)
    )
)
def test_both_sides_of_the_mean_are_kept_apart_and_lose_nothing(features):
    above, below = np.split(unlike_mean(features), 2)
    assert min(above.min(), below.min()) >= 0
    assert not (above * below).any()
    assert_allclose(above - below, features - features.mean(axis=(1, 2), keepdims=True), atol=1e-5)


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 9)
    )
)
def test_unit_features_point_where_the_features_do(features):
    vectors = features.reshape(len(features), -1)
    lengths = channel_sums(features).lengths
    assert_allclose(unit_features(features, lengths) * lengths.reshape(-1), vectors, rtol=1e-6, atol=1e-30)


@given(
    arrays.arrays(np.float32, st.tuples(*[st.integers(1, 6)] * 3), elements=st.sampled_from([0, 0.25, 0.5, 1, 1.5])),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.integers(0, 2**36 - 1),
)
def test_pieces_are_kept_that_are_somewhere_as_high_as_asked(maps, over, places):
    height, width = maps.shape[1:]
    inside = np.array([places >> place & 1 for place in range(height * width)], dtype=bool).reshape(height, width)
    expected = np.zeros(maps.shape)
    for values, kept in zip(maps, expected, strict=True):
        labels, count = ndimage.label(values > over)
        for piece in range(1, count + 1):
            if values[labels == piece].max() >= 1:
                kept[labels == piece] = values[labels == piece]
    rows = maps.reshape(len(maps), -1)
    pieces = strong_pieces(rows, np.full(len(maps), over), framed(inside).reshape(-1), height, 1.0)
    assert_array_equal(pieces.reshape(-1, width + 2, height + 2)[:, 1:-1, 1:-1].transpose(0, 2, 1), expected * inside)


def test_a_frame_lies_around_the_columns():
    assert_array_equal(framed(np.array([[1.0, 2.0]])), [[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 0, 0]])


def test_a_seed_is_a_vector_plus_the_mean_of_those_around_it_if_there_are_any():
    unit = np.array([[1.0, 0.5, 0.25, 0.0], [0.0, 0.5, 0.75, 1.0]], dtype=np.float32)
    vectors = seeds(unit, np.array([0, 3]), np.array([[-1, 1, 2], [-1, -1, -1]]))
    assert_array_equal(vectors, [[1.375, 0.625], [0.0, 1.0]])
