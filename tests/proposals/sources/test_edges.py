"""Edges by the gradient: drawn steps at a place, of a height and in a direction."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from objectcrop.proposals.sources.edges import Edges, gradient_edges, thinned


def step(height: int, *, low: int = 40, side_px: int = 40) -> np.ndarray:
    """Columns below `side_px` / 2 hold `low`, the others `low + height`, in the green channel alone."""
    image = np.zeros((side_px, side_px, 3), np.uint8)
    image[..., 1] = low
    image[:, side_px // 2 :, 1] += height
    return image


@pytest.mark.parametrize("height", [20, 100, 200])
def test_a_step_has_one_edge_of_its_height_beside_it(height):
    strength, normal_rad = gradient_edges(step(height))
    columns = np.flatnonzero(strength[20])
    assert len(columns) == 1
    assert columns[0] in (19, 20)
    assert strength[20, columns[0]] == pytest.approx(height / 255, rel=0.03)
    across = normal_rad[20, columns[0]]
    assert min(across, np.pi - across) < 0.01


def test_the_direction_of_an_edge_does_not_depend_on_which_side_is_light():
    image = step(100)
    light_right, light_left = gradient_edges(image), gradient_edges(image[:, ::-1])
    for edges in (light_right, light_left):
        (across,) = edges.normal_rad[20, edges.strength[20] > 0]
        assert min(across, np.pi - across) < 0.01


@given(degrees=st.floats(0, 180))
def test_a_step_of_any_direction_has_a_thin_edge_along_it(degrees):
    normal = np.radians(degrees)
    y, x = np.indices((64, 64)) - 31.5
    distance = x * np.cos(normal) + y * np.sin(normal)
    image = np.repeat((np.clip(distance + 0.5, 0, 1) * 200).astype(np.uint8)[..., None], 3, axis=-1)
    strength, normal_rad = gradient_edges(image)
    inner = np.hypot(x, y) < 24
    edge = (strength > 0.1) & inner
    assert np.abs(distance[edge]).max() <= 1
    # of a line of 48 px: 34 pixels are the fewest if they meet at corners, 68 the most if they meet at sides
    assert 33 <= edge.sum() <= 70
    off = np.abs(normal_rad[edge] - normal)
    assert np.minimum(off, np.pi - off).max() < 0.1
    assert (normal_rad >= 0).all()
    assert (normal_rad < np.pi).all()


@given(value=st.integers(0, 255), shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_one_colour_has_no_edges(value, shape):
    assert not gradient_edges(np.full((*shape, 3), value, np.uint8)).strength.any()


def test_the_gradient_turns_with_the_image():
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8), (0, 0), 2)
    upright, rotated = gradient_edges(image), gradient_edges(np.ascontiguousarray(np.rot90(image)))
    back = np.rot90(rotated.strength, -1)
    # ties and interpolation aside
    assert ((upright.strength > 0) != (back > 0)).mean() < 0.01
    both = (upright.strength > 0) & (back > 0)
    assert_allclose(upright.strength[both], back[both], atol=1e-5)


def test_thinning_by_hand():
    strength = np.array([[0.1, 0.5, 0.4, 0.4, 0.2]], np.float32)
    across = Edges(strength, np.zeros_like(strength))
    # the border stands for what is beyond it: at the right end nothing is greater behind but 0.4
    assert_array_equal(thinned(across).strength, np.array([[0, 0.5, 0, 0, 0]], np.float32))
    along = Edges(strength, np.full_like(strength, np.pi / 2))
    assert_array_equal(thinned(along).strength, np.zeros_like(strength))
