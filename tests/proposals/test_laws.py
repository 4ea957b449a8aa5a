"""Laws of the whole of LOD, from regions to scores: the order of images and degenerate images do no harm."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.linalg import eigsh
from torch import nn

from objectcrop.boxes import Size
from objectcrop.codes import starts
from objectcrop.proposals.lod.ranking.hough import confidence, greatest_entries, region_set
from objectcrop.proposals.lod.ranking.neighbours import find_neighbours, pairs_to_score
from objectcrop.proposals.lod.ranking.ranking import degrees, rank_by_quadratic, rank_regions, symmetric_matrix
from objectcrop.proposals.lod.regions.extraction import Extractor
from objectcrop.proposals.trunk import Trunk
from objectcrop.study.settings.proposals import LodProposals

NUM_IMAGES, PER_IMAGE = 6, 8
SIZE = Size(120, 90)


def collection(seed: int):
    """Descriptors and region sets of a few images."""
    rng = np.random.default_rng(seed)
    sets = []
    for _ in range(NUM_IMAGES):
        low = (rng.random((PER_IMAGE, 2)) * [80, 60]).astype(np.int64)
        boxes = np.concatenate([low, np.minimum(low + rng.integers(10, 50, (PER_IMAGE, 2)), SIZE)], axis=1)
        sets.append(region_set(boxes, SIZE, rng.gamma(0.5, size=(PER_IMAGE, 9)).astype(np.float32)))
    return rng.random((NUM_IMAGES, 5)).astype(np.float32), sets


def graph(descriptors, sets) -> tuple[sparse.csr_array, np.ndarray]:
    offsets = starts(np.full(len(sets), PER_IMAGE))
    rows, columns, values = [], [], []
    for first, second in pairs_to_score(find_neighbours(descriptors, 3).indices):
        kept = greatest_entries(confidence(sets[first], sets[second]), 1000)
        rows.append(kept.rows + offsets[first])
        columns.append(kept.columns + offsets[second])
        values.append(kept.values)
    entries = (np.concatenate(part) for part in (rows, columns, values))
    return symmetric_matrix(*entries, num_regions=int(offsets[-1])), offsets


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_permuting_the_images_permutes_the_scores(seed):
    descriptors, sets = collection(seed)
    order = np.random.default_rng(seed).permutation(NUM_IMAGES)
    weights, offsets = graph(descriptors, sets)
    plain = rank_regions(weights, offsets, image_share=0.5).final.scores.reshape(NUM_IMAGES, PER_IMAGE)
    moved, _ = graph(descriptors[order], [sets[index] for index in order])
    scores = rank_regions(moved, offsets, image_share=0.5).final.scores.reshape(NUM_IMAGES, PER_IMAGE)
    assert_allclose(scores, plain[order], atol=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_no_vector_has_a_greater_quotient_than_q_s_which_is_not_negative(seed):
    weights, _ = graph(*collection(seed))
    scores = rank_by_quadratic(weights, max_iterations=5000, tolerance=1e-12).scores
    values = eigsh(weights, k=2, which="LM", return_eigenvectors=False, v0=np.ones(weights.shape[0]))
    greatest = values.max()
    # or it takes more steps to separate them; where images fall into two halves without a pair inside either, the least
    # eigenvalue is minus the greatest, and the published iteration swings for ever
    assume(np.sort(np.abs(values))[0] < 0.995 * greatest)
    assert (scores >= 0).all()
    assert np.linalg.norm(scores) == pytest.approx(1)
    assert scores @ (weights @ scores) == pytest.approx(greatest, rel=1e-6)


def test_the_matrix_is_symmetric_without_blocks_of_an_image_with_itself():
    weights, _ = graph(*collection(0))
    dense = weights.toarray()
    assert_array_equal(dense, dense.T)
    for image in range(NUM_IMAGES):
        own = slice(image * PER_IMAGE, (image + 1) * PER_IMAGE)
        assert not dense[own, own].any()
    assert (degrees(weights) > 0).any()


def extractor(weight: float, bias: float) -> Extractor:
    """Two layers of one convolution each: stride 8 and 16, features that follow the colours."""
    lod = LodProposals(
        kind="lod", features_run="r", layers=("1", "3"), descriptor_layer="3", num_levels=10, max_peaks=5
    )
    network = nn.Sequential(nn.Conv2d(3, 6, 8, stride=8), nn.ReLU(), nn.Conv2d(6, 6, 2, stride=2), nn.ReLU())
    for convolution in (network[0], network[2]):
        nn.init.constant_(convolution.weight, weight)
        nn.init.constant_(convolution.bias, bias)
    return Extractor(Trunk(network.eval(), lod.layers, lod.descriptor_layer), lod, 0)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 10, 90)])
def test_without_peaks_the_whole_image_is_proposed_alone(colour):
    image = np.full((96, 128, 3), colour, dtype=np.uint8)
    described = extractor(0.0, 0.0).describe(image, "a")  # no feature anywhere
    assert described.regions.boxes.tolist() == [[0, 0, 128, 96]]
    assert not described.features.any()
    own = region_set(described.regions.boxes, described.size, described.features)
    assert confidence(own, own).tolist() == [[0.0]]


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 10, 90)])
def test_one_colour_gives_the_whole_image_and_boxes_inside_it(colour):
    described = extractor(0.1, 2.0).describe(np.full((96, 128, 3), colour, dtype=np.uint8), "a")
    assert described.regions.boxes[0].tolist() == [0, 0, 128, 96]
    assert (described.regions.boxes[:, 2:] <= [128, 96]).all()
    assert np.isfinite(described.features).all()


@pytest.mark.parametrize("shape", [(40, 400), (400, 40), (20, 1000)])
def test_a_panorama_is_reduced_and_gets_boxes_inside_it(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    described = extractor(0.1, 2.0).describe(image, "a")
    assert max(described.size) <= 512
    assert len(described.regions.boxes) >= 1
    assert (described.regions.boxes[:, 2:] <= described.size).all()
    assert len(described.features) == len(described.regions.boxes)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (5, 7), (15, 300)])
def test_an_image_smaller_than_a_cell_is_no_harm_to_a_network_without_padding(shape):
    described = extractor(0.1, 2.0).describe(np.full((*shape, 3), 90, dtype=np.uint8), "a")
    assert len(described.regions.boxes) == (1 if min(shape) > 1 else 0)
    assert len(described.features) == len(described.regions.boxes)
