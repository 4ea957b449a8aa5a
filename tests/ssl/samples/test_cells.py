"""Labels of the localization loss for images that are resized to a square first, against exact fractions."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.boxes import Size, as_boxes
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import ImageList
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.views.render import Part
from tests.ssl.conftest import tiny_run


def edges(side, patches):
    """Draw two whole pixels of the square, at least a quarter of it apart, often on borders of cells."""
    borders = [side * number // patches for number in range(patches + 1)]
    edge = st.integers(0, side) | st.sampled_from(borders)
    return st.tuples(edge, edge).map(sorted).filter(lambda pair: pair[1] - pair[0] >= side / 4)


def exact_overlaps(low, high, side, length, patches):
    """Which cells of an axis share any length with a crop, in fractions of a pixel of the image as it is stored."""
    low, high = Fraction(low * length, side), Fraction(high * length, side)
    borders = [Fraction(length * number, patches) for number in range(patches + 1)]
    return np.array([min(high, last) > max(low, first) for first, last in pairwise(borders)])


@settings(deadline=None)
@given(st.data(), st.integers(16, 3000), st.integers(16, 3000), st.sampled_from([63, 96, 224]), st.sampled_from([3, 7]))
def test_a_crop_of_an_image_resized_first_is_in_the_cells_that_it_overlaps_and_no_other(
    data, width, height, side, patches
):
    (x1, x2), (y1, y2) = data.draw(edges(side, patches)), data.draw(edges(side, patches))
    proposal = np.array([x1 * width, y1 * height, x2 * width, y2 * height]) / side
    views = {"regions": ["object", "scene"], "proposals": "lod", "object_crop": "whole", "size_px": 16, "swap": False}
    run = tiny_run(views={**views, "resize_first_px": side}, losses={"localization": 1.0, "patches": patches})
    samples = PairSamples(
        ImageList(("a",), (Path("a.png"),), (Size(width, height),)), [as_boxes(proposal)], run, 0.5, Seeds(0, 1)
    )
    black = Part.whole(np.zeros((side, side, 3), dtype=np.uint8))
    with mock.patch("objectcrop.ssl.samples.pairs.read_for", return_value=black):
        (cells,) = samples.__getitems__([(0, 0)]).cells.numpy()
    rows, columns = exact_overlaps(y1, y2, side, height, patches), exact_overlaps(x1, x2, side, width, patches)
    expected = (rows[:, None] & columns[None, :]).astype(int)
    is_flipped = samples.plan((0, 0)).whole.is_flipped
    assert cells.tolist() == (expected[:, ::-1] if is_flipped else expected).tolist()
