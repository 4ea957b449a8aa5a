"""Random resized crops: inside their region; how they are distributed is in test_laws_of_torchvision.py."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import as_boxes, contains
from objectcrop.views.crops import draw_crop


@given(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 300), st.integers(1, 300)),
    st.floats(0.01, 1),
    st.integers(0, 10**6),
)
def test_crops_are_whole_pixels_inside_their_region(corner, scale_min, seed):
    x, y, width, height = corner
    region = (float(x), float(y), float(x + width), float(y + height))
    crop = draw_crop(region, scale_min, np.random.default_rng(seed))
    assert contains(as_boxes(region), as_boxes(crop)).all()
    assert all(value == round(value) for value in crop)
    assert crop[2] - crop[0] >= 1
    assert crop[3] - crop[1] >= 1


def test_a_region_too_long_for_any_ratio_gives_its_centre():
    assert draw_crop((0.0, 0.0, 300.0, 30.0), 0.9, np.random.default_rng(0)) == (130, 0, 170, 30)
    assert draw_crop((0.0, 0.0, 30.0, 300.0), 0.9, np.random.default_rng(0)) == (0, 130, 30, 170)
