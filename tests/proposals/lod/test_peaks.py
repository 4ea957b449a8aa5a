import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from objectcrop.proposals.lod.regions.peaks import (
    column_major,
    descending,
    find_peaks,
    neighbours_of_cells,
    rank_persistence,
)

MAPS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 6).map(lambda level: level / 4)
)


def test_two_hills_live_as_long_as_the_valley_lets_them():
    # visited 9, 8, 7 (joined to 9), 5 (the valley, where the lower hill ends) and 1
    assert_array_equal(rank_persistence(np.array([[9.0, 7.0, 5.0, 8.0, 1.0]])), [4, 0, 0, 2, 0])


def test_cells_that_are_not_positive_have_no_persistence():
    assert_array_equal(rank_persistence(np.array([[0.0, 2.0, 0.0]])), [-1, 0, -1])


def test_cells_are_numbered_column_by_column():
    values = np.zeros((3, 4))
    values[2, 1] = 1.0
    assert_array_equal(find_peaks(values, min_value=0.5), [1 * 3 + 2])


def test_diagonal_neighbours_touch():
    assert_array_equal(rank_persistence(np.array([[2.0, 0.0], [0.0, 1.0]])), [1, -1, -1, 0])


def test_reference_neighbours_wrap_around_and_never_hold_the_last_cell():
    sound, released = (neighbours_of_cells(3, 3, reference=reference) for reference in (False, True))
    assert sorted(sound[2]) == [-1] * 5 + [1, 4, 5]
    assert sorted(released[2]) == [-1] * 2 + [0, 1, 3, 4, 5, 6]
    assert not (released == 8).any()


def slow_persistence(values: np.ndarray) -> np.ndarray:
    """Compute persistence by labelling all visited cells after every visit: a component's oldest cell lives on."""
    flat = values.T.reshape(-1)
    order = np.argsort(-flat, kind="stable")[: (flat > 0).sum()]
    lifetime = np.full(flat.size, -1)
    lifetime[order] = 0
    alive, visited = [], np.zeros(values.shape[::-1], dtype=bool)
    for time, cell in enumerate(order.tolist(), start=1):
        visited.reshape(-1)[cell] = True
        labels = ndimage.label(visited, np.ones((3, 3)))[0].reshape(-1)
        oldest = {}
        for birth, one in [*alive, (time, cell)]:
            oldest.setdefault(labels[one], (birth, one))
            if oldest[labels[one]] != (birth, one):
                lifetime[one] = time - birth
        alive = sorted(oldest.values())
    for birth, cell in alive:
        lifetime[cell] = len(order) - birth
    return lifetime


@given(MAPS)
def test_persistence_is_that_of_labelling_after_every_visit(values):
    assert_array_equal(rank_persistence(values), slow_persistence(values))


@given(MAPS)
def test_peaks_keep_their_distance_and_their_least_value(values):
    peaks = find_peaks(values, min_value=0.5)
    place = np.stack(np.divmod(peaks, values.shape[0]))
    distance = np.abs(place[:, :, None] - place[:, None, :]).max(axis=0) + 9 * np.eye(len(peaks), dtype=int)
    assert (distance >= 3).all()
    assert (values.T.reshape(-1)[peaks] >= 0.5).all()
    assert values.max() < 0.5 or len(peaks) >= 1


def slow_peaks(values: np.ndarray, max_peaks: int, window: int) -> list[int]:
    """One cell after the other, most persistent first, unless its square meets one that was taken."""
    lifetime, flat = rank_persistence(values), column_major(values)
    taken, peaks = np.zeros(values.shape, dtype=bool), []
    for cell in np.argsort(-lifetime, kind="stable")[: (flat > 0).sum()].tolist():
        column, row = divmod(cell, len(values))
        rows, columns = np.ogrid[: values.shape[0], : values.shape[1]]
        square = (abs(rows - row) <= window // 2) & (abs(columns - column) <= window // 2)
        if flat[cell] >= 0.5 and not (square & taken).any() and len(peaks) < max_peaks:
            taken |= square
            peaks.append(cell)
    return peaks


@given(MAPS, st.integers(1, 5), st.sampled_from([1, 3, 5]))
def test_peaks_are_taken_by_persistence_and_then_in_cell_order(values, max_peaks, window):
    cells = find_peaks(values, min_value=0.5, max_peaks=max_peaks, window=window)
    assert cells.tolist() == slow_peaks(values, max_peaks, window)


@given(
    arrays.arrays(np.float64, st.integers(0, 60), elements=st.sampled_from([-1.0, -0.0, 0.0, 0.5, 0.5000000001, 3.0]))
)
def test_falling_values_keep_the_order_of_ties(values):
    assert_array_equal(descending(values), np.argsort(-values, kind="stable"))


def test_long_runs_of_ties_keep_their_order():
    values = np.random.default_rng(0).integers(0, 3, 5000).astype(np.float64)
    assert_array_equal(descending(values), np.argsort(-values, kind="stable"))


@given(MAPS, st.sampled_from([2.0, 0.25]))
def test_only_the_order_of_values_counts(values, factor):
    assert_array_equal(rank_persistence(values), rank_persistence(values * factor))


@pytest.mark.parametrize("shape", [(1, 1), (5, 4)])
def test_a_map_of_zeros_has_no_peaks(shape):
    assert len(find_peaks(np.zeros(shape), min_value=0.0)) == 0
