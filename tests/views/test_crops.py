"""Random resized crops: inside their region, and distributed as torchvision's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import RandomResizedCrop

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


@pytest.mark.parametrize(("width", "height", "scale_min"), [(256, 192, 0.2), (60, 90, 0.5), (300, 40, 0.2)])
def test_areas_and_ratios_are_distributed_as_torchvisions(width, height, scale_min):
    rng = np.random.default_rng(0)
    ours = np.array([draw_crop((7.0, 5.0, 7.0 + width, 5.0 + height), scale_min, rng) for _ in range(3000)])
    image = torch.zeros(3, height, width)
    torch.manual_seed(0)
    drawn = [RandomResizedCrop.get_params(image, (scale_min, 1.0), (3 / 4, 4 / 3)) for _ in range(3000)]
    theirs = np.array([(7 + left, 5 + top, 7 + left + w, 5 + top + h) for top, left, h, w in drawn])
    spread = np.maximum(theirs.std(axis=0), 1) / np.sqrt(3000)
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 6 * spread).all()
    for quantile in (0.1, 0.5, 0.9):
        ours_area, theirs_area = (
            np.quantile((c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1]), quantile) for c in (ours, theirs)
        )
        assert ours_area == pytest.approx(theirs_area, rel=0.05)


def test_a_region_too_long_for_any_ratio_gives_its_centre():
    assert draw_crop((0.0, 0.0, 300.0, 30.0), 0.9, np.random.default_rng(0)) == (130, 0, 170, 30)
    assert draw_crop((0.0, 0.0, 30.0, 300.0), 0.9, np.random.default_rng(0)) == (0, 130, 30, 170)
