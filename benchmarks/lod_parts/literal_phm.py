"""Hough matching as the specification reads (spec of LOD, section 5), step by step in plain NumPy."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from objectcrop.proposals.lod.ranking.hough import RegionSet

SIGMA = 5 / (2 * 2.354)


def literal_match(first: RegionSet, second: RegionSet, likeness: NDArray[np.float32]) -> NDArray[np.float64]:
    """PHM(first, second): every vote, one dense histogram a region of the first, a dense 5 x 5 x 5 Gaussian."""
    width, height = second.size
    area = first.half_width * first.half_height
    aspect = (second.half_width / second.half_height)[None] / (first.half_width / first.half_height)[:, None]
    x_share = first.half_height / area * first.size.width - first.centre_x * first.half_height / area
    y_share = first.half_width / area * first.size.height - first.centre_y * first.half_width / area
    x = second.half_width[None] * x_share[:, None] + second.centre_x[None]
    y = second.half_height[None] * y_share[:, None] + second.centre_y[None]
    scale = np.log((second.half_width * second.half_height)[None] / area[:, None]) / np.log(2)
    cell = max(np.sqrt(4 * width * height / 8000), 5)
    bins: list[NDArray[np.int64]] = []
    shape: tuple[int, ...] = ()
    inside = (aspect > 0.5) & (aspect < 2)
    for values, low, high, count in (
        (y, 1, 2 * height, int(2 * height / cell + 0.5)),
        (x, 1, 2 * width, int(2 * width / cell + 0.5)),
        (scale, -4, 4, 20),
    ):
        edges = low + np.arange(count + 1) * (high - low) / count
        edges[-1] = high
        bin_index = np.searchsorted(edges, values, side="right") - 1
        inside &= (bin_index >= 0) & (bin_index < count)
        bins.append(bin_index.clip(0, count - 1))
        shape = (*shape, count)
    histogram = np.zeros(shape)
    for region, valid in enumerate(inside):
        votes = np.zeros(shape)
        place = tuple(axis[region, valid] for axis in bins)
        np.maximum.at(votes, place, likeness[region, valid])
        histogram += votes
    line = np.exp(-(np.arange(-2, 3) ** 2) / (2 * SIGMA**2))
    gaussian = line[:, None, None] * line[:, None] * line
    smoothed = ndimage.correlate(histogram, gaussian / gaussian.sum(), mode="constant")
    return np.where(inside, likeness * smoothed[tuple(bins)], 0.0)


def literal_confidence(first: RegionSet, second: RegionSet) -> NDArray[np.float64]:
    """Both directions of one unordered pair, added and scaled."""
    likeness = np.maximum(first.features @ second.features.T, 0)
    both = literal_match(first, second, likeness) + literal_match(second, first, likeness.T).T
    return both * (1e6 / both.size)
