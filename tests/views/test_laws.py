"""Laws of regions, crops and plans, each over ten thousand random images and boxes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.boxes import Size, as_boxes, contains, whole
from objectcrop.runtime.randomness import generator
from objectcrop.ssl.losses.object_aware import rotate
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.crops import draw_crop
from objectcrop.views.localization import occupancy
from objectcrop.views.plan import plan_pair, region_box
from objectcrop.views.regions import as_box, dilate, grow_released, released_box, shift, to_whole_pixels, whole_box

BATCHES, PER_BATCH = 20, 500
"""Hypothesis draws seeds and settings; each seed gives hundreds of images with a box."""

seeds = settings(max_examples=BATCHES, deadline=None)


def cases(seed, smallest=8, largest=2000):
    """Images from a few pixels to large, panoramas among them, and a box of any size and place in each."""
    rng = np.random.default_rng(seed)
    for _ in range(PER_BATCH):
        size = Size(*(int(side) for side in np.exp(rng.uniform(np.log(smallest), np.log(largest), size=2))))
        low, high = np.sort(rng.uniform(0, 1, size=(2, 2)), axis=0)
        low, high = low * (np.array(size) - 2), high * (np.array(size) - 2) + 2
        yield size, as_boxes(np.concatenate([low, high])), rng


@seeds
@given(st.integers(0, 2**32), st.sampled_from(["image_total", "image_per_side", "box_fraction", "coordinate_released"]))
def test_the_dilated_region_contains_the_object_region_and_is_in_the_image(seed, way):
    for size, box, rng in cases(seed):
        inner = whole_box(as_box(box), size)
        outer = as_boxes(whole_box(dilate(inner, size, rng.uniform(0, 1), way), size))
        assert contains(outer, as_boxes(inner)).all()
        assert contains(whole(size), outer).all()


@seeds
@given(st.integers(0, 2**32))
def test_a_shifted_box_has_the_objects_size_and_is_in_the_image(seed):
    for size, box, rng in cases(seed):
        inner = to_whole_pixels(box, size)[0]
        radius = tuple(np.sort(rng.uniform(0, 1, size=2)))
        shifted = np.array(shift(tuple(inner), size, radius, rng))
        assert (shifted == np.round(shifted)).all()
        assert (shifted[2:] - shifted[:2] == inner[2:] - inner[:2]).all()
        assert contains(whole(size), as_boxes(shifted)).all()
        way = np.hypot(*(shifted[:2] - inner[:2]))
        assert way <= radius[1] * min(size) + 1


def test_a_shifted_box_with_room_on_every_side_is_as_far_away_as_asked():
    rng = np.random.default_rng(0)
    offsets = np.array([shift((450, 450, 550, 550), Size(1000, 1000), (0.1, 0.3), rng)[:2] for _ in range(4000)]) - 450
    ways, angles = np.hypot(*offsets.T), np.arctan2(*offsets.T)
    assert 99 <= ways.min() < 105
    assert 295 < ways.max() <= 301
    assert ways.mean() == pytest.approx(200, abs=4), "uniform radius"
    assert (abs(np.histogram(angles, 8, (-np.pi, np.pi))[0] - 500) < 100).all(), "every direction"


@seeds
@given(st.integers(0, 2**32), st.floats(0.05, 1), st.floats(0.05, 1))
def test_crops_are_in_their_region(seed, first, second):
    scale_min, scale_max = sorted((first, second))
    for size, box, rng in cases(seed):
        region = to_whole_pixels(box, size)
        crop = as_boxes(draw_crop(tuple(region[0]), scale_min, rng, scale_max=scale_max))
        assert contains(region, crop).all()
        assert (crop[:, 2:] - crop[:, :2] >= 1).all()


@seeds
@given(st.integers(0, 2**32), st.floats(0.2, 0.6))
def test_s_min_makes_the_smallest_object_crops_a_fifth_of_the_image_on_average(seed, mean_share):
    """s_min = 0.2 / mean(proposal area / image area): the mean over proposals of the least crop area over image area."""
    rng = np.random.default_rng(seed)
    shares = np.clip(rng.normal(mean_share, 0.1, PER_BATCH), 0.05, 1)
    scale_min = 0.2 / shares.mean()
    if scale_min > 0.9:
        return
    least = []
    side = 1000
    for share in shares:
        box_side = round(side * np.sqrt(share))
        x1, y1, x2, y2 = draw_crop((0.0, 0.0, box_side, box_side), scale_min, rng, scale_max=scale_min)
        least.append((x2 - x1) * (y2 - y1) / side**2)
    assert np.mean(least) == pytest.approx(0.2, rel=0.02)


@seeds
@given(st.integers(0, 2**32), st.integers(1, 14), st.booleans())
def test_labels_are_what_painting_the_crop_pixel_by_pixel_shows(seed, patches, is_flipped):
    for size, box, _ in cases(seed, largest=200):
        crop = to_whole_pixels(box, size)[0]
        covered = np.zeros((size.height, size.width), dtype=bool)
        x1, y1, x2, y2 = crop.astype(int)
        covered[y1:y2, x1:x2] = True
        # each pixel is cut in patches x patches parts, of which each is in one cell
        rows, columns = covered.any(axis=1).repeat(patches), covered.any(axis=0).repeat(patches)
        rows, columns = rows.reshape(patches, -1).any(axis=1), columns.reshape(patches, -1).any(axis=1)
        expected = np.outer(rows, columns)
        cells = occupancy(tuple(crop), size, patches, is_flipped=is_flipped)
        assert (cells == (expected[:, ::-1] if is_flipped else expected)).all()


@seeds
@given(st.integers(0, 2**32), st.sampled_from(["moco_v2", "byol", "swav"]))
def test_swapping_is_fair(study_seed, augmentation):
    views = ViewSettings(regions=("object", "scene"), proposals="gt", augmentation=augmentation)
    boxes, size = as_boxes([20.0, 30, 90, 110]), Size(256, 192)
    drawn = (plan_pair(boxes, size, views, 0.5, generator(study_seed, "views", 0, 0, n)) for n in range(PER_BATCH))
    count = sum(query.region == "object" for query, _ in drawn)
    # 5 standard deviations of the binomial distribution
    assert abs(count - PER_BATCH / 2) <= 5 * np.sqrt(PER_BATCH / 4)


@seeds
@given(st.integers(0, 2**32), st.sampled_from(["moco_v2", "moco_v1", "byol", "swav", "cmc"]))
def test_plans_do_not_depend_on_the_order_in_which_they_are_drawn(study_seed, augmentation):
    views = ViewSettings(regions=("object", "shifted_object"), proposals="gt", augmentation=augmentation)
    boxes, size = as_boxes([20.0, 30, 90, 110]), Size(256, 192)

    def plan(number):
        return plan_pair(boxes, size, views, 0.5, generator(study_seed, "views", 0, 0, number))

    numbers = range(PER_BATCH // 5)
    there = {number: plan(number) for number in numbers}
    assert {number: plan(number) for number in reversed(numbers)} == there
    assert len(set(there.values())) == len(there)


@seeds
@given(st.integers(0, 2**32))
def test_random_boxes_do_not_depend_on_the_objects(seed):
    views = ViewSettings(regions=("random_box", "random_box"))
    for size, box, rng in cases(seed):
        state = rng.bit_generator.state
        one = region_box("random_box", as_box(box), size, views, rng)
        rng.bit_generator.state = state
        assert region_box("random_box", None, size, views, rng) == one
        assert contains(whole(size), as_boxes(one)).all()


@pytest.mark.parametrize(
    ("box", "fraction", "expected"),
    [
        # every number by hand from the release's rule for an image of 1024 x 768
        ((300, 300, 350, 600), 0.0, (188, 300, 462, 600)),
        ((50, 300, 100, 600), 0.0, (0, 300, 336, 600)),
        ((950, 300, 1000, 600), 0.0, (776, 300, 1000, 600)),
        ((716, 537, 1003, 752), 0.2, (573, 430, 1203, 902)),
        ((400.9, 300.9, 624.2, 524.9), 0.0, (400, 300, 624, 524)),
    ],
)
def test_the_releases_regions_are_reproduced(box, fraction, expected):
    assert grow_released(released_box(box, fraction), Size(1024, 768), 224) == expected


def test_the_releases_growth_is_a_setting_and_is_cut_at_the_image_unless_asked_otherwise():
    box, size = (716.0, 537.0, 1003.0, 752.0), Size(1024, 768)
    released = {"dilation": "coordinate_released", "dilation_fraction": 0.2, "min_region_px": 224}
    rng = np.random.default_rng(0)
    exact = ViewSettings(**released, border="black")
    assert region_box("dilated_object", box, size, exact, rng) == (573, 430, 1203, 902)
    assert region_box("dilated_object", box, size, ViewSettings(**released), rng) == (573, 430, 1024, 768)
    # 215 pixels high: grown to 224 up from the border
    assert region_box("object", box, size, exact, rng) == (716, 528, 1003, 752)


@seeds
@given(st.integers(0, 2**32))
def test_the_rotation_label_is_the_number_of_quarter_turns_that_were_applied(seed):
    images = torch.rand(PER_BATCH, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    labels = torch.from_numpy(np.random.default_rng(seed).integers(4, size=PER_BATCH))
    rotated = rotate(images, labels)
    for quarters in range(4):
        # rows become columns, by indices alone: the pixel at (row, column) goes up and left, counter-clockwise
        expected = images
        for _ in range(quarters):
            expected = expected.transpose(2, 3).flip(2)
        is_it = (rotated == expected).all(dim=(1, 2, 3))
        assert torch.equal(is_it, labels == quarters)
