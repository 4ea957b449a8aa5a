import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from objectcrop.proposals.lod.ranking import neighbours
from objectcrop.proposals.lod.ranking.neighbours import find_neighbours, pairs_to_score


def random_descriptors(count: int = 40) -> np.ndarray:
    return np.random.default_rng(1).gamma(1.0, size=(count, 6)).astype(np.float32)


def test_neighbours_are_those_of_a_full_sort_by_cosine():
    descriptors = random_descriptors()
    neighbours = find_neighbours(descriptors, 5)
    unit = descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)
    cosine = unit @ unit.T - 9 * np.eye(40)
    assert_array_equal(neighbours.indices, np.argsort(-cosine, axis=1)[:, :5])
    assert_allclose(neighbours.similarities, -np.sort(-cosine, axis=1)[:, :5], rtol=1e-5)


@pytest.mark.parametrize("device", [None, torch.device("cpu")])
def test_the_search_does_not_depend_on_how_many_images_are_taken_at_a_time(monkeypatch, device):
    whole = find_neighbours(random_descriptors(), 7)
    monkeypatch.setattr(neighbours, "IMAGES_AT_A_TIME", 13)
    monkeypatch.setattr(neighbours, "ROWS_AT_A_TIME", 5)
    assert_array_equal(find_neighbours(random_descriptors(), 7, device=device).indices, whole.indices)


@pytest.mark.parametrize("at_a_time", [5, 100])
def test_torch_finds_the_same_neighbours_ties_and_negative_cosines_among_them(monkeypatch, at_a_time):
    monkeypatch.setattr(neighbours, "IMAGES_AT_A_TIME", at_a_time)
    # lengths of 1, 2 and 0, so that no cosine is rounded; many are alike, opposite or 0
    kinds = np.concatenate([2 * np.eye(4), -np.eye(4), [[1, 1, 1, 1], [1, -1, 1, -1], [-1, -1, -1, -1], [0, 0, 0, 0]]])
    drawn = np.random.default_rng(0).choice(kinds, 30).astype(np.float32)
    ours, theirs = find_neighbours(drawn, 29), find_neighbours(drawn, 29, device=torch.device("cpu"))
    assert ours.similarities.min() == -1
    assert_array_equal(theirs.indices, ours.indices)
    assert_array_equal(theirs.similarities, ours.similarities)


def test_descriptors_are_read_in_slices():
    whole = random_descriptors()

    class Slices:
        def __len__(self):
            return len(whole)

        def __getitem__(self, images):
            return whole[images]

    assert_array_equal(find_neighbours(Slices(), 5).indices, find_neighbours(whole, 5).indices)


def test_the_length_of_a_descriptor_does_not_matter():
    descriptors = random_descriptors()
    longer = descriptors * np.linspace(1, 50, 40, dtype=np.float32)[:, None]
    assert_array_equal(find_neighbours(longer, 4).indices, find_neighbours(descriptors, 4).indices)


def test_ties_keep_the_order_of_images():
    assert_array_equal(find_neighbours(np.ones((4, 3), np.float32), 2).indices, [[1, 2], [0, 2], [0, 1], [0, 1]])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_have_few_neighbours(count):
    neighbours = find_neighbours(np.ones((count, 3), np.float32), 5)
    assert neighbours.indices.shape == (count, max(count - 1, 0))
    assert len(pairs_to_score(neighbours.indices)) == (1 if count == 2 else 0)


def test_a_descriptor_of_zeros_is_like_none():
    descriptors = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.1]], np.float32)
    assert_array_equal(find_neighbours(descriptors, 1).indices[1:], [[2], [1]])
    assert_array_equal(find_neighbours(descriptors, 1).similarities[0], [0.0])


def test_a_pair_is_scored_once_whichever_chose_the_other():
    assert_array_equal(pairs_to_score(np.array([[1], [0], [1]])), [[0, 1], [1, 2]])
