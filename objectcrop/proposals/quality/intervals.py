"""How sure the discovery metrics are: percentile bootstrap over images (Efron 1979).

`scipy.stats.bootstrap` gives the same intervals in five times the time, as it copies the values of each draw; a test holds
ours against it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.runtime.randomness import generator

Vector = NDArray[np.float64]

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95


class Shares(NamedTuple):
    """A metric that is a sum over images over another sum: parts (images,) above and below the line."""

    above: Vector
    below: Vector


def intervals(metrics: dict[str, Shares], seed: int = 0) -> dict[str, tuple[float, float] | None]:
    """Lower and upper end of each metric's interval; None for a metric without anything below the line.

    Images are drawn with replacement, the same ones for every metric; and for every source on the same images, so that
    sources can be distinguished more finely than their intervals show. A draw without anything below the line is left out.

    Args:
        metrics: by name, all over the same images.
        seed: of the draws.
    """
    num_images = max((len(shares.above) for shares in metrics.values()), default=0)
    rng = generator(seed, "proposals.bootstrap", num_images)
    parts = np.array([part for shares in metrics.values() for part in shares], dtype=np.float64)
    sums = np.zeros((NUM_RESAMPLES, *parts.shape[:1]))
    for row in sums:
        times = np.bincount(rng.integers(max(num_images, 1), size=num_images), minlength=num_images)
        row[:] = parts @ times
    return {name: _ends(sums[:, 2 * n], sums[:, 2 * n + 1]) for n, name in enumerate(metrics)}


def _ends(above: Vector, below: Vector) -> tuple[float, float] | None:
    drawn = below > 0
    if not drawn.any():
        return None
    low, high = np.quantile(above[drawn] / below[drawn], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
