"""Targets of localization against slow rasterisation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size
from objectcrop.views.localization import occupancy


def slow_occupancy(box, size, patches, is_flipped):
    """Mirror the box itself, then ask cell by cell, in exact integers."""
    x1, y1, x2, y2 = (round(value) for value in box)
    if is_flipped:
        x1, x2 = size.width - x2, size.width - x1
    cells = np.zeros((patches, patches), dtype=np.uint8)
    for row in range(patches):
        for column in range(patches):
            across = min(x2 * patches, (column + 1) * size.width) - max(x1 * patches, column * size.width)
            down = min(y2 * patches, (row + 1) * size.height) - max(y1 * patches, row * size.height)
            cells[row, column] = across > 0 and down > 0
    return cells


@given(st.data(), st.integers(1, 200), st.integers(1, 200), st.integers(1, 14), st.booleans())
def test_cells_that_the_crop_overlaps_are_one(data, width, height, patches, is_flipped):
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    box, size = (float(x1), float(y1), float(x2), float(y2)), Size(width, height)
    cells = occupancy(box, size, patches, is_flipped=is_flipped)
    assert (cells == slow_occupancy(box, size, patches, is_flipped)).all()


def test_a_crop_that_touches_a_cell_only_at_its_edge_is_not_in_it():
    cells = occupancy((0, 0, 20, 10), Size(40, 40), 4, is_flipped=False)
    assert cells.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_mirrored_view_mirrors_the_cells():
    cells = occupancy((0, 0, 20, 10), Size(40, 40), 4, is_flipped=True)
    assert cells[0].tolist() == [0, 0, 1, 1]
