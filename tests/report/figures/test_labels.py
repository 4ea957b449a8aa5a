"""Names at the ends of curves never overlap, and stay as near to them as they may."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.report.figures.labels import spread

places = st.lists(st.tuples(st.floats(0, 200), st.sampled_from([10.0, 12.5, 25.0])), min_size=1, max_size=9)


@given(places)
def test_no_two_names_overlap_and_their_order_is_that_of_the_ends(found):
    wanted, heights = zip(*found, strict=True)
    centres = spread(wanted, heights)
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    for low, high in pairwise(order):
        assert centres[high] - centres[low] >= (heights[low] + heights[high]) / 2 - 1e-6


@given(places)
def test_names_that_have_room_are_not_moved_and_others_are_moved_around_their_mean(found):
    wanted, heights = zip(*found, strict=True)
    centres = spread(wanted, heights)
    assert sum(centres) == pytest.approx(sum(wanted), abs=1e-6)
    apart = [1000.0 * place for place in range(len(wanted))]
    assert spread(apart, heights) == pytest.approx(apart)


def test_three_names_at_one_place_stand_around_it():
    assert spread([50, 50, 50], [10, 10, 10]) == pytest.approx([40, 50, 60])
    assert spread([90, 50, 52], [10, 10, 10]) == pytest.approx([90, 46, 56])
