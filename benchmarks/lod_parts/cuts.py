"""MaskCut's cuts, beside the dense solver that its authors use."""

import time

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from objectcrop.proposals.sources.maskcut import cut_masks
from objectcrop.proposals.sources.normalised_cut import alike_cells
from tests.proposals.sources.dense_cuts import dense_masks

MIN_COSINE = 0.15
NUM_CUTS = 3
MAPS = {"768": (24, 32), "3600": (60, 60)}
"""Cells: of our defaults, layer3 of a ResNet at 512 x 384; of CutLER's, a ViT of stride 8 at 480 x 480."""


def smooth_map(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Features of 384 channels that change slowly over a map, as a network's do."""
    drawn = np.random.default_rng(seed).standard_normal((384, *shape))
    return ndimage.gaussian_filter(drawn, (0, shape[0] / 10, shape[1] / 10)).astype(np.float32)


def measure_cuts(repeats: int) -> dict[str, float]:
    """Measure all cuts of an image, affinities among them; the dense solver once, as it takes a minute.

    Returns:
        Milliseconds of processor.
    """
    rates = {}
    for name, shape in MAPS.items():
        features = smooth_map(shape, 0)
        alike = alike_cells(features - features.mean(axis=(1, 2), keepdims=True), MIN_COSINE)
        times = []
        for _ in range(repeats + 1):
            start = time.process_time()
            masks = cut_masks(features, num_cuts=NUM_CUTS, min_cosine=MIN_COSINE, centred=True)
            times.append(time.process_time() - start)
        start = time.process_time()
        expected = dense_masks(alike, shape, NUM_CUTS)
        dense_s = time.process_time() - start
        assert len(masks) == NUM_CUTS
        assert np.array_equal(masks, expected), "our masks are not those of the dense solver"
        rates |= {
            f"maskcut_ms_{name}_cells": 1e3 * float(np.median(times[1:])),
            f"maskcut_dense_ms_{name}_cells": 1e3 * dense_s,
        }
    return rates
