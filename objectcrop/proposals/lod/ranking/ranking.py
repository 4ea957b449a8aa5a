"""Importance of every region in the graph of all scores: Q, P, and LOD, which is both (spec of LOD, sections 6 and 7)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from objectcrop.proposals.lod.ranking.graph import Graph, Journal, Moment, NoJournal, Vector, as_graph, iterate, length

NO_JOURNAL = NoJournal()


class Ranking(NamedTuple):
    """Scores of all regions, and how the iteration ended."""

    scores: Vector
    iterations: int
    last_change: float
    """Euclidean length of the last step."""


def symmetric_matrix(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float32], num_regions: int
) -> sparse.csr_array:
    """W from the entries of its blocks above the diagonal: these and their mirror images, float64.

    Args:
        rows: global number of the region of the earlier image.
        columns: global number of the region of the later image.
        values: scores, above 0.
        num_regions: regions of all images.
    """
    both = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    weights = np.concatenate([values, values]).astype(np.float64)
    return sparse.csr_array((weights, both), shape=(num_regions, num_regions))


def degrees(weights: sparse.csr_array | Graph) -> Vector:
    """Row sums of W."""
    return as_graph(weights).degrees


def rank_by_quadratic(
    weights: sparse.csr_array | Graph,
    *,
    uniform_weight: float = 1e-4,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    start: Vector | None = None,
    journal: Journal = NO_JOURNAL,
) -> Ranking:
    """Q: the non-negative unit vector y with the greatest y'Wy, by power iteration.

    As published it swings between two vectors where pairs join the images of one half to those of another and none to its own
    half, as in a component of two images; such a W has minus its greatest eigenvalue too.

    Args:
        weights: W, symmetric, not negative.
        uniform_weight: gamma, weight of the uniform term; it is not relative to the scale of W.
        max_iterations: part of the method.
        tolerance: stop when the step is shorter, absolute.
        start: not negative; by default the indicator of regions that have any weight.
        journal: keeps the iterates.
    """
    graph = as_graph(weights)
    start = (graph.degrees > 0).astype(np.float64) if start is None else start
    uniform = graph.own(start)
    count = graph.total(uniform)
    if count == 0:
        return Ranking(np.zeros(len(start)), 0, 0.0)

    def step(y: Vector) -> Vector:
        spread = uniform_weight * graph.total(graph.own(y)) * uniform / count
        z = graph.times(y)
        z *= 1 - uniform_weight
        z += spread
        z /= length(graph, z)
        return z

    first = start / np.sqrt(count)
    end = iterate(graph, "quadratic", step, first, max_iterations=max_iterations, tolerance=tolerance, journal=journal)
    return _ranking(end)._replace(scores=np.abs(end.vector))


def _ranking(end: Moment) -> Ranking:
    return Ranking(end.vector, end.iterations, end.last_change)


def walk(
    weights: sparse.csr_array | Graph,
    seeds: Vector,
    *,
    restart_weight: float = 1e-4,
    uniform_weight: float = 0.0,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    journal: Journal = NO_JOURNAL,
) -> Ranking:
    """Personalised PageRank that starts at its seeds; the scores sum to 1.

    With the published restart weight and cap it may end far from its fixed point: start, cap and tolerance are part of the
    method.

    Args:
        weights: W, symmetric, not negative.
        seeds: distribution over regions that have weight, sums to 1.
        restart_weight: beta, probability of restarting at the seeds.
        uniform_weight: gamma, probability of jumping to any region that has weight.
        max_iterations: part of the method.
        tolerance: stop when the step is shorter, absolute.
        journal: keeps the iterates.
    """
    graph = as_graph(weights)
    linked = graph.degrees > 0
    share = np.divide(1.0, graph.degrees, out=np.zeros(graph.num_regions), where=linked)
    anywhere = graph.own(linked / max(int(linked.sum()), 1))

    def step(v: Vector) -> Vector:
        # W is symmetric, so the transpose of D^-1 W is W D^-1
        stepped = graph.times(v * share)
        stepped *= 1 - uniform_weight
        stepped += uniform_weight * anywhere
        stepped *= 1 - restart_weight
        stepped += restart_weight * graph.own(seeds)
        return stepped

    end = iterate(graph, "walk", step, seeds, max_iterations=max_iterations, tolerance=tolerance, journal=journal)
    return _ranking(end)


def rank_by_pagerank(
    weights: sparse.csr_array | Graph,
    *,
    restart_weight: float = 1e-4,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
) -> Ranking:
    """P: PageRank that restarts at any region that has weight."""
    graph = as_graph(weights)
    linked = graph.degrees > 0
    seeds = linked / max(int(linked.sum()), 1)
    return walk(graph, seeds, restart_weight=restart_weight, max_iterations=max_iterations, tolerance=tolerance)


def seed_distribution(
    scores: Vector, degree: Vector, offsets: NDArray[np.int64], *, image_share: float = 0.1, regions_per_image: int = 1
) -> Vector:
    """Uniform over the best regions of the best images; over all regions that have weight if those have none.

    Args:
        scores: Q's scores, shape (regions,).
        degree: row sums of W.
        offsets: first region of each image and the number of regions, shape (images + 1,).
        image_share: alpha; round(alpha * images) images are taken, halves up.
        regions_per_image: best regions that are taken of each.
    """
    counts = np.diff(offsets)
    filled = np.flatnonzero(counts > 0)
    best = np.full(len(counts), -np.inf)
    best[filled] = np.maximum.reduceat(scores, offsets[filled]) if len(filled) else []
    num_images = int(np.floor(image_share * len(counts) + 0.5))
    seeds = np.zeros(len(scores))
    for image in np.argsort(-best, kind="stable")[:num_images]:
        start, end = offsets[image], offsets[image + 1]
        seeds[start + np.argsort(-scores[start:end], kind="stable")[:regions_per_image]] = 1
    seeds *= degree > 0
    if not seeds.any():
        seeds = (degree > 0).astype(np.float64)
    return np.asarray(seeds / max(seeds.sum(), 1))


class LodRanking(NamedTuple):
    """The final ranking and the one whose best regions seeded it."""

    final: Ranking
    quadratic: Ranking


def rank_regions(
    weights: sparse.csr_array | Graph,
    offsets: NDArray[np.int64],
    *,
    restart_weight: float = 1e-4,
    uniform_weight: float = 1e-4,
    image_share: float = 0.1,
    regions_per_image: int = 1,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    journal: Journal = NO_JOURNAL,
) -> LodRanking:
    """LOD: the walk on the graph that starts at the best regions by Q; arguments as of the functions it is made of."""
    graph = as_graph(weights)
    quadratic = rank_by_quadratic(
        graph, uniform_weight=uniform_weight, max_iterations=max_iterations, tolerance=tolerance, journal=journal
    )
    seeds = seed_distribution(
        quadratic.scores, graph.degrees, offsets, image_share=image_share, regions_per_image=regions_per_image
    )
    final = walk(
        graph,
        seeds,
        restart_weight=restart_weight,
        uniform_weight=uniform_weight,
        max_iterations=max_iterations,
        tolerance=tolerance,
        journal=journal,
    )
    return LodRanking(final, quadratic)
