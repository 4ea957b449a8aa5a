import numpy as np
import pytest
from numpy.testing import assert_array_equal
from torch import nn

from objectcrop.boxes import Size
from objectcrop.proposals.sources.maskcut import (
    cut_masks,
    mask_boxes,
    mask_cut,
    object_side,
)
from objectcrop.proposals.sources.searches import find_boxes
from objectcrop.proposals.trunk import Trunk
from objectcrop.study.settings.proposals import MaskCutProposals

SOURCE = MaskCutProposals(kind="maskcut", features_run="r", layer="0", long_side_px=96)


def scene() -> np.ndarray:
    """Background and two objects, each with a direction of its own, shape (4, 12, 16)."""
    rng = np.random.default_rng(0)
    features = rng.normal(scale=0.05, size=(4, 12, 16))
    features[0] += 1
    for channel, rows, columns in ((1, slice(2, 6), slice(2, 8)), (2, slice(7, 10), slice(10, 14))):
        features[0, rows, columns] -= 1
        features[channel, rows, columns] += 1
    return features.astype(np.float32)


def test_two_objects_are_found_one_after_the_other():
    masks = cut_masks(scene(), num_cuts=2, min_cosine=0.15, centred=False)
    boxes = mask_boxes(masks, Size(160, 120))
    assert sorted(map(tuple, boxes.tolist())) == [(20, 20, 80, 60), (100, 70, 140, 100)]


@pytest.mark.parametrize("centred", [False, True])
def test_masks_share_no_cell(centred):
    masks = cut_masks(scene(), num_cuts=6, min_cosine=0.15, centred=centred)
    assert len(masks) >= 2
    assert masks.sum(axis=0).max() == 1


def test_features_after_a_relu_need_centring():
    shifted = scene() + 3  # now all cosines are high
    assert len(cut_masks(shifted, num_cuts=2, min_cosine=0.15, centred=False)) == 0
    boxes = mask_boxes(cut_masks(shifted, num_cuts=2, min_cosine=0.15, centred=True), Size(160, 120)).tolist()
    assert [20, 20, 80, 60] in boxes


def test_the_object_is_the_side_of_the_extreme_cell_in_one_piece():
    values = np.full((5, 6), 0.1)
    values[1:3, 1:3] = -0.9
    values[3, 4] = -0.8  # on the same side, but apart
    expected = np.zeros((5, 6), dtype=bool)
    expected[1:3, 1:3] = True
    for sign in (1, -1):
        assert_array_equal(object_side(sign * values), expected)


def test_a_side_with_two_corners_is_the_background():
    values = np.full((5, 6), -0.1)
    values[:, :2] = 0.9  # the left edge, two corners, extreme
    values[2, 4] = -0.2
    expected = np.zeros((5, 6), dtype=bool)
    expected[:, 2:] = True
    assert_array_equal(object_side(values), expected)


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 2), (3, 1, 20), (3, 6, 6)])
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_map_of_one_value_or_one_cell_gives_nothing(shape, value):
    for centred in (False, True):
        masks = cut_masks(np.full(shape, value, np.float32), num_cuts=3, min_cosine=0.15, centred=centred)
        assert masks.shape == (0, *shape[1:])


def layer(weight: float = 1.0) -> Trunk:
    pool = nn.Sequential(nn.Conv2d(3, 3, 8, stride=8, bias=False), nn.ReLU())
    nn.init.constant_(pool[0].weight, 0)
    for channel in range(3):
        nn.init.constant_(pool[0].weight[channel, channel], weight)
    return Trunk(pool.eval(), ("0",), "0")


def test_a_coloured_block_is_found_in_the_pixels_of_the_whole_image():
    image = np.full((96, 192, 3), (40, 40, 200), dtype=np.uint8)
    image[32:64, 48:112] = (220, 40, 40)
    proposals = find_boxes(mask_cut(layer(), SOURCE), image, SOURCE, "a", np.random.default_rng(0))
    assert_array_equal(proposals.boxes[0], [48, 32, 112, 64])
    assert proposals.scores[0] == 0


def test_features_that_are_not_finite_stop_with_the_image():
    image = np.zeros((96, 96, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"image 0815: .*not finite"):
        find_boxes(mask_cut(layer(float("nan")), SOURCE), image, SOURCE, "0815", np.random.default_rng(0))
