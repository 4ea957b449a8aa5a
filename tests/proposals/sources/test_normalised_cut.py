"""The cut's vector beside dense solvers."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy import ndimage
from scipy.linalg import eigh
from torchvision.models import resnet18

from objectcrop.boxes import Size
from objectcrop.networks.backbones import seeded_weights
from objectcrop.proposals.loops.alike import sums_of_alike
from objectcrop.proposals.sources.maskcut import cut_masks
from objectcrop.proposals.sources.normalised_cut import alike_cells, cut_vector, largest_beside
from objectcrop.proposals.trunk import Trunk, reduced_size, resized
from tests.proposals.sources.dense_cuts import dense_masks, weights_of


def drawn_likeness(rng: np.random.Generator, num_cells: int, share: float) -> np.ndarray:
    """Symmetric, every cell like itself."""
    drawn = np.triu(rng.random((num_cells, num_cells)) < share)
    return drawn | drawn.T | np.eye(num_cells, dtype=bool)


@given(st.integers(0, 10_000), st.integers(4, 40), st.integers(0, 9), st.floats(0.02, 0.9))
def test_the_cut_solves_the_generalised_problem_with_all_cells_in_it(seed, num_free, num_taken, share):
    alike = drawn_likeness(np.random.default_rng(seed), num_free, share)
    taken = np.arange(num_free + num_taken) >= num_free
    weights = weights_of(np.pad(alike, (0, num_taken)), taken)
    degrees = np.diag(weights.sum(axis=1))
    values, _ = eigh(degrees - weights, degrees)
    free, of_taken = cut_vector(alike, num_taken)
    x = np.concatenate([free, np.full(num_taken, of_taken)])
    assert x @ degrees @ x > 0.5
    assert_allclose((degrees - weights) @ x, values[1] * (degrees @ x), atol=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 90))
def test_the_largest_eigenvector_beside_a_known_one_is_that_of_a_dense_solver(seed, size):
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.normal(size=(size, size)))
    values = np.linspace(-1, 1, size)
    vector = largest_beside(directions[:, -1], lambda x: (directions * values) @ (directions.T @ x))
    assert abs(vector @ directions[:, -2]) == pytest.approx(1, abs=1e-9)


def test_two_eigenvalues_that_are_nearly_one_are_kept_apart():
    values = np.append(np.linspace(-1, 0.9, 300), [0.999999, 1.0, 1.5])
    vector = largest_beside(np.eye(303)[-1], lambda x: values * x)
    assert_allclose(np.abs(vector), np.eye(303)[-2], atol=1e-7)


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_sums_of_alike_cells_are_products_with_the_matrix(seed, size):
    rng = np.random.default_rng(seed)
    alike, values = drawn_likeness(rng, size, 0.4), rng.normal(size=size)
    assert_allclose(sums_of_alike(alike.view(np.uint8), values), alike @ values, atol=1e-12)


def smooth_map(rng: np.random.Generator) -> np.ndarray:
    """Features that change slowly over a map, as a network's do."""
    height, width = rng.integers(8, 20, size=2)
    drawn = rng.normal(size=(int(rng.integers(3, 12)), height, width))
    return ndimage.gaussian_filter(drawn, (0, *rng.uniform(0.5, 3, size=2))).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-0.1, 0.15, 0.5]), st.booleans())
def test_masks_are_those_of_the_dense_solver_on_drawn_maps(seed, min_cosine, centred):
    features = smooth_map(np.random.default_rng(seed))
    rest = features - features.mean(axis=(1, 2), keepdims=True) if centred else features
    expected = dense_masks(alike_cells(rest, min_cosine), features.shape[1:], 3)
    assert_array_equal(cut_masks(features, num_cuts=3, min_cosine=min_cosine, centred=centred), expected)


@pytest.mark.shared_data
@pytest.mark.parametrize("layer", ["layer2", "layer3"])
def test_masks_are_those_of_the_dense_solver_on_photographs(shared, layer):
    with seeded_weights(0):
        trunk = Trunk(resnet18().eval(), (layer,), layer)
    num_masks = 0
    for path in sorted((shared / "data/coco_mini/val2017").glob("*.jpg"))[:8]:
        image = np.asarray(Image.open(path).convert("RGB"))
        (features,) = trunk.maps(resized(image, reduced_size(Size(image.shape[1], image.shape[0]), 192)))
        alike = alike_cells(features - features.mean(axis=(1, 2), keepdims=True), 0.15)
        masks = cut_masks(features, num_cuts=3, min_cosine=0.15, centred=True)
        assert_array_equal(masks, dense_masks(alike, features.shape[1:], 3), err_msg=path.name)
        num_masks += len(masks)
    assert num_masks >= 16


def test_cells_are_alike_by_their_cosine():
    features = np.array([[[2.0, 1.0, 0.0]], [[0.0, 1.0, 3.0]]], dtype=np.float32)
    assert_array_equal(alike_cells(features, 0.5), [[True, True, False], [True, True, True], [False, True, True]])


def test_a_cut_holds_no_matrix_of_floats():
    """A dense solver needs W itself, 8 bytes an entry, several times."""
    rng = np.random.default_rng(0)
    alike = drawn_likeness(rng, 1200, 0.02)
    alike[:400, :400] = alike[400:, 400:] = True
    tracemalloc.start()
    cut_vector(alike, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * alike.nbytes
