import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from objectcrop.boxes import Size
from objectcrop.proposals.cells import pixel_runs
from objectcrop.proposals.lod.regions.saliency import framed
from objectcrop.proposals.lod.regions.sweep import boxes_of_maps, distinct, map_boxes, pixel_counts
from tests.proposals.lod.literal_sweep import literal_map_boxes

MAPS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 8).map(lambda level: level / 4)
)


def assert_both_forms_agree(values, size, counts, **choices):
    rooted, expected = (form(values, size, counts, **choices) for form in (map_boxes, literal_map_boxes))
    assert_array_equal(rooted.boxes, expected.boxes)
    assert_array_equal(rooted.roots, expected.roots)


@given(MAPS, st.integers(1, 6), st.integers(0, 30), st.integers(0, 30), st.sampled_from([4, 8]), st.booleans())
def test_boxes_are_those_of_the_rule_carried_out_on_pixels(values, levels, more_width, more_height, near, reference):
    size = Size(values.shape[1] + more_width, values.shape[0] + more_height)
    if values.any():
        counts = pixel_counts(values, levels)
        assert_both_forms_agree(values, size, counts, connectivity=near, reference=reference)


@given(MAPS, st.integers(1, 6), st.integers(0, 9), st.sampled_from([4, 8]), st.sampled_from([0.5, 1.0, 1.5]))
def test_without_repeats_the_same_boxes_come_first(values, levels, more, near, top_level):
    size, counts = Size(values.shape[1] + more, values.shape[0] + more), pixel_counts(values, levels)
    choices = {"top_level": top_level, "connectivity": near}
    every, fewer = (map_boxes(values, size, counts, **choices, repeats=repeats) for repeats in (True, False))
    assert len(fewer.boxes) <= len(every.boxes)
    (boxes, place), (expected, expected_place) = distinct(fewer.boxes), distinct(every.boxes)
    assert_array_equal(boxes, expected)
    assert_array_equal(fewer.roots[place], every.roots[expected_place])


@given(st.lists(MAPS, min_size=0, max_size=4), st.integers(1, 6), st.integers(0, 9), st.booleans())
def test_boxes_of_many_maps_are_those_of_each_map(maps, levels, more, rough):
    shape = maps[0].shape if maps else (3, 4)
    size = Size(shape[1] + more, shape[0] + more)
    maps = [np.resize(values, shape).astype(np.float32) for values in maps]
    if rough:  # values that differ in their last bits alone
        maps = [values * (1 + np.arange(values.size, dtype=np.float32).reshape(shape) * 2e-7) for values in maps]
    at_once = np.stack([*(framed(values).reshape(-1) for values in maps), np.zeros((shape[0] + 2) * (shape[1] + 2))])
    every = boxes_of_maps(at_once.astype(np.float32), shape[0], size, levels)
    parts = [map_boxes(values, size, pixel_counts(values, levels), repeats=False) for values in maps]
    assert_array_equal(every.boxes, np.concatenate([np.zeros((0, 4), int), *(part.boxes for part in parts)]))
    assert_array_equal(every.roots, np.concatenate([np.zeros(0, int), *(part.roots for part in parts)]))


def test_a_piece_that_stays_as_it_is_appears_once():
    values = np.zeros((4, 9))
    values[1, 1:4], values[2, 1:4], values[1, 6] = 1.5, 1.2, 1.9
    counts = np.array([1, 4, 5, 6, 7])
    assert len(map_boxes(values, Size(9, 4), counts).boxes) == 8
    rooted = map_boxes(values, Size(9, 4), counts, repeats=False)
    assert_array_equal(rooted.boxes, [[1, 1, 4, 2], [6, 1, 7, 2], [1, 1, 4, 3]])
    assert_array_equal(rooted.roots, [5, 25, 5])


def test_a_root_is_the_strongest_cell_of_its_piece():
    values = np.zeros((4, 6))
    values[1, 1:3] = [1.1, 1.5]
    values[2, 4] = 1.9
    rooted = map_boxes(values, Size(60, 40), np.array([3]))
    assert_array_equal(rooted.boxes, [[10, 10, 30, 20], [40, 20, 50, 30]])
    assert_array_equal(rooted.roots, [2 * 4 + 1, 4 * 4 + 2])


def test_pieces_that_never_reach_the_top_level_give_no_box():
    values = np.zeros((4, 6))
    values[1, 1], values[2, 4] = 1.5, 0.9
    assert_array_equal(map_boxes(values, Size(6, 4), np.array([2])).boxes, [[1, 1, 2, 2]])


def test_an_empty_map_gives_no_boxes():
    assert map_boxes(np.zeros((3, 3)), Size(9, 9), np.array([0, 0])).boxes.shape == (0, 4)


@pytest.mark.parametrize(("positive", "levels", "expected"), [(5, 2, [3, 5]), (3, 4, [1, 2, 2, 3]), (0, 2, [0, 0])])
def test_counts_round_halves_up(positive, levels, expected):
    values = np.zeros((2, 5))
    values.reshape(-1)[:positive] = 1
    assert_array_equal(pixel_counts(values, levels), expected)


@given(st.integers(1, 40), st.integers(0, 400))
def test_runs_of_pixels_tile_the_axis(cells, more):
    first, last = pixel_runs(cells, cells + more)
    assert first[0] == 0
    assert last[-1] == cells + more
    assert_array_equal(first[1:], last[:-1])
    assert (last > first).all()


@given(
    arrays.arrays(np.int64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.sampled_from([0, 1, 2, 300, 65535]))
)
def test_distinct_boxes_are_the_sorted_rows_and_their_first_places(boxes):
    expected, first = np.unique(boxes, axis=0, return_index=True)
    rows = distinct(boxes)
    assert_array_equal(rows[0], expected)
    assert_array_equal(rows[1], first)


def random_map(rng) -> np.ndarray:
    """Smooth or rough, with many equal values or none, some of it 0."""
    rough = rng.random(rng.integers(1, 14, size=2))
    values = np.maximum(ndimage.gaussian_filter(rough, rng.uniform(0, 1.5)) * 2 - rng.uniform(0, 1.2), 0)
    values = np.round(values * 8) / 8 if rng.random() < 0.3 else values
    return values if values.any() else rough


def test_one_thousand_random_maps_give_the_boxes_of_the_literal_form_in_its_order():
    rng = np.random.default_rng(0)
    for case in range(1000):
        values = random_map(rng)
        size = Size(*(int(cells + rng.integers(0, 60)) for cells in values.shape[::-1]))
        counts = np.unique(pixel_counts(values, int(rng.integers(1, 9))))
        choices = {"top_level": rng.uniform(0.2, 1.2), "connectivity": 8 if case % 4 == 0 else 4}
        assert_both_forms_agree(values, size, counts, **choices, reference=case % 3 == 0)


def test_a_map_of_many_pieces_outgrows_the_first_room_for_them():
    values = np.zeros((40, 40))
    values[::2, ::2] = 1 + np.random.default_rng(0).random((20, 20))
    counts = np.unique(pixel_counts(values, 5))
    assert (
        len(map_boxes(values, Size(40, 40), counts).boxes) == 400
    )  # fewer cells than pieces: only the last level counts
    assert_both_forms_agree(values, Size(40, 40), counts)
