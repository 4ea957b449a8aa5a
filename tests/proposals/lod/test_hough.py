import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from objectcrop.boxes import Size
from objectcrop.proposals.lod.ranking.hough import (
    KERNEL,
    SCALE_BINS,
    cast_votes,
    confidence,
    greatest_entries,
    match,
    region_set,
    vote_grid,
)
from objectcrop.proposals.loops.hough import bin_of, bins_per_unit
from tests.proposals.lod.vote_bins import vote_bins

SMALL = Size(90, 70)


def random_regions(seed: int, count: int = 25, size: Size = SMALL):
    rng = np.random.default_rng(seed)
    low = np.stack([rng.integers(0, size.width - 12, count), rng.integers(0, size.height - 12, count)], axis=1)
    high = np.minimum(low + rng.integers(4, 60, size=(count, 2)), size)
    features = rng.gamma(0.5, size=(count, 12)).astype(np.float32)
    return region_set(np.concatenate([low, high], axis=1), size, features)


def literal_match(first, second, likeness):
    """The rule by loops: one histogram, each region at most once a bin, a dense Gaussian."""
    grid = vote_grid(second.size)
    shape = (len(grid.y) - 1, len(grid.x) - 1, SCALE_BINS)
    histogram, bins = np.zeros(shape), {}
    for j in range(len(likeness)):
        best: dict[tuple[int, ...], float] = {}
        for k in range(likeness.shape[1]):
            grown = second.half_width[k] / first.half_width[j], second.half_height[k] / first.half_height[j]
            if not 0.5 < grown[0] / grown[1] < 2:
                continue
            x = grown[0] * (first.size.width - first.centre_x[j]) + second.centre_x[k]
            y = grown[1] * (first.size.height - first.centre_y[j]) + second.centre_y[k]
            place = tuple(
                int(np.searchsorted(edges, value, side="right")) - 1
                for edges, value in ((grid.y, y), (grid.x, x), (grid.scale, np.log2(grown[0] * grown[1])))
            )
            if all(0 <= index < limit for index, limit in zip(place, shape, strict=True)):
                bins[j, k] = place
                best[place] = max(best.get(place, 0.0), float(likeness[j, k]))
        for place, value in best.items():
            histogram[place] += value
    for axis in range(3):
        histogram = ndimage.correlate1d(histogram, KERNEL, axis=axis, mode="constant")
    scores = np.zeros(likeness.shape)
    for (j, k), place in bins.items():
        scores[j, k] = likeness[j, k] * histogram[place]
    return scores


@given(st.integers(0, 1000))
def test_votes_fall_into_the_bins_that_a_search_of_the_edges_finds(seed):
    first, second = random_regions(seed), random_regions(seed + 1, count=19, size=Size(120, 40))
    area = first.half_width * first.half_height
    x_share = first.half_height / area * first.size.width - first.centre_x * first.half_height / area
    y_share = first.half_width / area * first.size.height - first.centre_y * first.half_width / area
    x = second.half_width * x_share[:, None] + second.centre_x
    y = second.half_height * y_share[:, None] + second.centre_y
    scale = np.log(second.half_width * second.half_height / area[:, None]) / np.log(2)
    aspect = second.half_width / second.half_height / (first.half_width / first.half_height)[:, None]
    grid = vote_grid(second.size)
    inside, bins = (aspect > 0.5) & (aspect < 2), []
    for values, edges in ((y, grid.y), (x, grid.x), (scale, grid.scale)):
        bins.append(np.searchsorted(edges, values, side="right") - 1)
        inside &= (values >= edges[0]) & (values < edges[-1])
    votes = vote_bins(cast_votes(first, second), grid)
    assert_array_equal(np.stack([votes.first, votes.second]), np.nonzero(inside))
    assert_array_equal(np.stack([votes.y, votes.x, votes.scale]), np.stack(bins)[:, inside])


@given(st.integers(2, 4000), st.integers(2, 4000))
def test_a_value_on_an_edge_belongs_to_the_bin_above_it(width, height):
    for edges in vote_grid(Size(width, height)):
        rate = bins_per_unit(edges)
        assert [bin_of(edge, edges, rate) for edge in edges[:-1]] == list(range(len(edges) - 1))
        assert [bin_of(np.nextafter(edge, -9), edges, rate) for edge in edges[1:]] == list(range(len(edges) - 1))


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_rule_by_loops(seed):
    first, second = random_regions(seed), random_regions(seed + 10, count=18, size=Size(120, 40))
    likeness = np.maximum(first.features @ second.features.T, 0)
    expected = literal_match(first, second, likeness)
    assert_allclose(match(first, second, likeness), expected, rtol=1e-5)
    assert (expected > 0).sum() > 30


def test_a_region_votes_once_in_a_bin_with_its_best_match():
    one = region_set(np.array([[10, 10, 30, 30]]), SMALL, np.ones((1, 1), np.float32))
    twins = region_set(np.array([[10, 10, 30, 30]] * 2), SMALL, np.ones((2, 1), np.float32))
    scores = match(one, twins, np.array([[1.0, 0.5]], np.float32))
    assert_allclose(scores, np.array([[1.0, 0.5]]) * KERNEL[2] ** 3, rtol=1e-6)


def test_a_shifted_copy_matches_itself():
    first = random_regions(0)
    moved = first._replace(centre_x=first.centre_x + 6, centre_y=first.centre_y + 3)
    block = confidence(first, moved)
    assert (block.argmax(axis=1) == np.arange(25)).mean() > 0.8


@given(st.integers(0, 200))
def test_exchanging_the_images_transposes_the_scores(seed):
    first, second = random_regions(seed), random_regions(seed + 1, count=14)
    assert_allclose(confidence(first, second), confidence(second, first).T, rtol=1e-6)


@given(st.integers(0, 200))
def test_exchanging_regions_exchanges_their_scores(seed):
    first, second = random_regions(seed), random_regions(seed + 1)
    order = np.random.default_rng(seed).permutation(25)
    shuffled = first._replace(**{name: getattr(first, name)[order] for name in first._fields if name != "size"})
    assert_allclose(confidence(shuffled, second), confidence(first, second)[order], rtol=1e-5)


def test_regions_of_another_shape_cannot_vote():
    wide = region_set(np.array([[0, 0, 40, 10]]), Size(60, 60), np.ones((1, 2), np.float32))
    tall = region_set(np.array([[0, 0, 10, 40]]), Size(60, 60), np.ones((1, 2), np.float32))
    assert len(cast_votes(wide, tall).places) == 0
    assert len(cast_votes(wide, wide).places) == 1
    assert confidence(wide, tall).sum() == 0


def test_an_image_without_regions_scores_nothing():
    none = region_set(np.zeros((0, 4), np.int64), Size(60, 60), np.zeros((0, 12), np.float32))
    assert confidence(none, random_regions(0)).shape == (0, 25)
    assert len(greatest_entries(confidence(random_regions(0), none), 5).values) == 0


def test_the_greatest_entries_are_kept_and_zeros_never():
    block = np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])
    kept = greatest_entries(block, 3)
    assert_array_equal(np.stack([kept.rows, kept.columns]), [[1, 0, 0], [0, 1, 2]])  # of the ties the upper one
    assert_array_equal(kept.values, [2, 3, 1])
    assert len(greatest_entries(block, 100).values) == 4


def test_the_kernel_is_the_published_one():
    assert_allclose(KERNEL, [0.0647197, 0.2446874, 0.3811858, 0.2446874, 0.0647197], atol=1e-6)


def test_the_grid_of_a_usual_photograph():
    grid = vote_grid(Size(640, 480))
    assert (len(grid.x) - 1, len(grid.y) - 1, len(grid.scale) - 1) == (103, 77, 20)
