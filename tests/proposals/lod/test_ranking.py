import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from objectcrop.proposals.lod.ranking.ranking import (
    degrees,
    rank_by_pagerank,
    rank_by_quadratic,
    rank_regions,
    seed_distribution,
    symmetric_matrix,
    walk,
)


def random_graph(seed: int, count: int = 12) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, size=(count, count)) * (rng.random((count, count)) < 0.3)
    values = np.triu(values, k=1)
    values[:, -1] = 0  # an isolated region
    return sparse.csr_array(values + values.T)


def test_the_matrix_holds_each_block_and_its_mirror_image():
    weights = symmetric_matrix(np.array([0, 1]), np.array([2, 3]), np.array([5.0, 7.0], np.float32), 4)
    expected = np.zeros((4, 4))
    expected[0, 2] = expected[2, 0] = 5
    expected[1, 3] = expected[3, 1] = 7
    assert_allclose(weights.toarray(), expected)
    assert_allclose(degrees(weights), [5, 7, 5, 7])


def test_q_is_the_leading_eigenvector():
    dense = random_graph(3).toarray() + np.ones((12, 12))  # connected
    ranking = rank_by_quadratic(sparse.csr_array(dense), uniform_weight=1e-9, max_iterations=500)
    values, vectors = np.linalg.eigh(dense)
    assert_allclose(ranking.scores, np.abs(vectors[:, values.argmax()]), atol=1e-5)
    assert ranking.iterations < 500


@given(st.integers(0, 500), st.sampled_from([1e-4, 0.1]), st.sampled_from([0.0, 1e-4, 0.2]), st.integers(1, 30))
def test_the_walk_conserves_mass_and_leaves_isolated_regions_alone(seed, restart, uniform, steps):
    weights = random_graph(seed)
    linked = degrees(weights) > 0
    seeds = linked * np.random.default_rng(seed).random(12)
    seeds /= max(seeds.sum(), 1e-12)
    scores = walk(weights, seeds, restart_weight=restart, uniform_weight=uniform, max_iterations=steps).scores
    assert scores.sum() == pytest.approx(seeds.sum())
    assert (scores >= 0).all()
    assert (scores[~linked] == 0).all()


def test_pagerank_solves_its_equation():
    weights = random_graph(1)
    degree = degrees(weights)
    linked = degree > 0
    scores = rank_by_pagerank(weights, restart_weight=0.2, max_iterations=1000, tolerance=1e-13).scores
    chain = np.divide(weights.toarray(), degree[:, None], out=np.zeros((12, 12)), where=linked[:, None])
    solved = np.linalg.solve(np.eye(12) - 0.8 * chain.T, 0.2 * linked / linked.sum())
    assert_allclose(scores, solved, atol=1e-12)


def test_the_walk_restarts_at_its_seeds():
    weights = sparse.csr_array(np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]))
    scores = walk(weights, np.array([1.0, 0, 0, 0]), restart_weight=0.5, max_iterations=200, tolerance=1e-14).scores
    assert_allclose(scores, [2 / 3, 1 / 3, 0, 0], atol=1e-12)


@given(st.integers(0, 300))
def test_renumbering_images_renumbers_their_scores(seed):
    weights = random_graph(seed)
    images = np.random.default_rng(seed).permutation(4)  # of three regions each
    order = (images[:, None] * 3 + np.arange(3)).reshape(-1)
    offsets = np.arange(0, 13, 3)
    plain = rank_regions(weights, offsets, image_share=0.5, max_iterations=20).final.scores
    renumbered = sparse.csr_array(weights.toarray()[np.ix_(order, order)])
    quadratic = rank_by_quadratic(weights, max_iterations=20).scores
    best = np.sort(quadratic.reshape(4, 3).max(axis=1))
    if np.diff(best).min() < 1e-9 or np.diff(np.sort(quadratic.reshape(4, 3), axis=1)).min() < 1e-9:
        return  # ties are broken by number
    scores = rank_regions(renumbered, offsets, image_share=0.5, max_iterations=20).final.scores
    assert_allclose(scores, plain[order], atol=1e-10)


def test_seeds_are_the_best_regions_of_the_best_images():
    scores = np.array([0.1, 0.5, 0.9, 0.2, 0.3, 0.4])
    offsets = np.array([0, 2, 2, 5, 6])
    one = seed_distribution(scores, np.ones(6), offsets, image_share=0.5)
    assert_allclose(one, [0, 0.5, 0.5, 0, 0, 0])
    two = seed_distribution(scores, np.ones(6), offsets, image_share=0.25, regions_per_image=2)
    assert_allclose(two, [0, 0, 0.5, 0, 0.5, 0])


def test_seeds_without_weight_give_way_to_all_regions_with_weight():
    seeds = seed_distribution(
        np.array([0.9, 0.1, 0.1]), np.array([0.0, 1.0, 1.0]), np.array([0, 1, 3]), image_share=0.5
    )
    assert_allclose(seeds, [0, 0.5, 0.5])


def test_a_graph_without_scores_ranks_nothing():
    ranking = rank_regions(sparse.csr_array((3, 3)), np.array([0, 2, 3]))
    assert_allclose(ranking.final.scores, np.zeros(3))
    assert ranking.quadratic.iterations == 0


def test_the_cap_on_iterations_is_part_of_the_method():
    ranking = rank_regions(random_graph(2), np.arange(0, 13, 3), max_iterations=3)
    assert (ranking.quadratic.iterations, ranking.final.iterations) == (3, 3)
    assert ranking.final.last_change > 0
