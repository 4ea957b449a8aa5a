"""What crops have in common, by hand."""

import pytest

from objectcrop.boxes import Size
from objectcrop.views.content import PairContent, measure_pairs

SIZE = Size(10, 10)
LEFT_OBJECT, RIGHT_OBJECT = (0, 0, 4, 4), (6, 6, 10, 10)
OBJECTS = [LEFT_OBJECT, RIGHT_OBJECT]


def test_two_crops_of_one_object_share_it():
    content = measure_pairs([((0, 0, 4, 4), (0, 0, 5, 5), OBJECTS, SIZE)])
    assert content.crops_with_object == 1
    assert content.pairs_with_same_object == 1
    assert content.background_share == pytest.approx((0 + 9 / 25) / 2)
    assert content.common_background_share == 0
    assert content.area_share == pytest.approx((0.16 + 0.25) / 2)


def test_crops_of_two_objects_share_none():
    content = measure_pairs([((0, 0, 4, 4), (6, 6, 10, 10), OBJECTS, SIZE)])
    assert content.crops_with_object == 1
    assert content.pairs_with_same_object == 0


def test_crops_beside_all_objects_share_background_alone():
    content = measure_pairs([((4, 0, 6, 10), (4, 0, 6, 5), OBJECTS, SIZE)])
    assert content == PairContent(0.0, 0.0, 1.0, 1.0, 0.15)


@pytest.mark.parametrize(
    ("crop", "is_shown"),
    [
        ((2, 0, 8, 6), True),  # half of the object
        ((3, 0, 9, 6), False),  # a quarter
        ((3, 0, 5, 4), True),  # a quarter of the object, half of the crop
        ((3, 0, 6, 4), False),  # a quarter, a third
    ],
)
def test_an_object_is_shown_by_half_of_it_or_where_it_fills_half_of_the_crop(crop, is_shown):
    content = measure_pairs([(crop, LEFT_OBJECT, OBJECTS, SIZE)])
    assert content.pairs_with_same_object == is_shown
    assert content.crops_with_object == (1 + is_shown) / 2


def test_parts_outside_the_image_do_not_count():
    content = measure_pairs([((-5, -5, 4, 4), (0, 0, 4, 4), OBJECTS, SIZE)])
    assert content.background_share == 0
    assert content.area_share == pytest.approx(0.16)


def test_an_image_without_objects_is_background():
    content = measure_pairs([((0, 0, 10, 5), (0, 0, 10, 10), [], SIZE)])
    assert content == PairContent(0.0, 0.0, 1.0, 1.0, 0.75)


def test_shares_are_means_over_pairs():
    same, other = ((0, 0, 4, 4), (0, 0, 4, 4), OBJECTS, SIZE), ((0, 0, 4, 4), (6, 6, 10, 10), OBJECTS, SIZE)
    assert measure_pairs([same, other, other, other]).pairs_with_same_object == 0.25


def test_no_pair_is_an_error():
    with pytest.raises(ValueError, match="no pair"):
        measure_pairs([])
