"""The graph of all scores, W, as the iterations see it: rows, and sums over rows in an order that is always the same."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Vector = NDArray[np.float64]


class Graph(Protocol):
    """W, symmetric and not negative; with several processes each has some of its rows, its own.

    A vector is whole (a value for each region) or own (one for each own row). All processes call the methods together.
    """

    @property
    def num_regions(self) -> int:
        """Rows of W."""
        ...

    @property
    def degrees(self) -> Vector:
        """Row sums of W, whole."""
        ...

    def own(self, whole: Vector) -> Vector:
        """The values of the own rows, a view."""
        ...

    def whole(self, own: Vector) -> Vector:
        """The values of all rows, from all processes."""
        ...

    def times(self, whole: Vector) -> Vector:
        """Own rows of W times a vector, a new array."""
        ...

    def total(self, own: Vector) -> float:
        """Sum over the rows of all processes; its bits do not depend on how many there are."""
        ...


class MemoryGraph:
    """W in the memory of one process.

    Args:
        weights: W.
    """

    def __init__(self, weights: sparse.csr_array) -> None:
        self._weights = weights
        self.num_regions = int(weights.shape[0])
        self.degrees = self.times(np.ones(self.num_regions))

    def own(self, whole: Vector) -> Vector:
        """All values."""
        return whole

    def whole(self, own: Vector) -> Vector:
        """All values."""
        return own

    def times(self, whole: Vector) -> Vector:
        """W times a vector."""
        return np.asarray(self._weights @ whole, dtype=np.float64)

    def total(self, own: Vector) -> float:
        """Sum of all values."""
        return float(own.sum())


def as_graph(weights: sparse.csr_array | Graph) -> Graph:
    """A matrix in memory as a graph; a graph as it is."""
    return MemoryGraph(weights) if isinstance(weights, sparse.csr_array) else weights


def length(graph: Graph, own: Vector) -> float:
    """Euclidean length of a vector of which this process has its own rows."""
    return math.sqrt(graph.total(own * own))


class Moment:
    """Where an iteration stands after a step.

    Args:
        vector: whole.
        iterations: steps done.
        last_change: Euclidean length of the last step.
    """

    def __init__(self, vector: Vector, iterations: int = 0, last_change: float = math.inf) -> None:
        self.vector, self.iterations, self.last_change = vector, iterations, last_change


class Journal(Protocol):
    """Keeps where the iterations stand, so that a stopped ranking resumes."""

    def find(self, phase: str) -> Moment | None:
        """Where an earlier attempt left the phase."""
        ...

    def keep(self, phase: str, moment: Moment, *, is_last: bool) -> None:
        """Note where the phase stands, if it is time to or the phase is over."""
        ...


class NoJournal:
    """Keeps nothing."""

    def find(self, phase: str) -> None:
        """Nothing was kept."""

    def keep(self, phase: str, moment: Moment, *, is_last: bool) -> None:
        """Keep nothing."""


def iterate(
    graph: Graph,
    phase: str,
    step: Callable[[Vector], Vector],
    start: Vector,
    *,
    max_iterations: int,
    tolerance: float,
    journal: Journal,
) -> Moment:
    """Step from `start`, or from where the journal left off, until a step is shorter than the tolerance or the cap is met.

    Args:
        graph: over whose rows lengths are summed.
        phase: its name in the journal.
        step: from a whole vector to the own rows of the next.
        start: whole.
        max_iterations: cap.
        tolerance: length of a step, absolute.
        journal: called after every step.
    """
    moment = journal.find(phase) or Moment(start)
    while moment.iterations < max_iterations and moment.last_change >= tolerance:
        own = step(moment.vector)
        change = length(graph, own - graph.own(moment.vector))
        moment = Moment(graph.whole(own), moment.iterations + 1, change)
        journal.keep(phase, moment, is_last=moment.iterations == max_iterations or change < tolerance)
    return moment
