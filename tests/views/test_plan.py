"""Plans of views: the laws of OAC's pairs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size, as_boxes, contains, whole
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.augmentations import PLAIN
from objectcrop.views.plan import OBJECT_TAG, SCENE_TAG, drawn_crop, plan_pair, plan_whole
from objectcrop.views.render import Part, render

SIZE = Size(256, 192)
BOXES = np.array([[20.0, 30, 90, 110], [100, 10, 250, 180]])
OAC = ViewSettings(regions=("object", "dilated_object"), proposals="lod", size_px=64)


def pairs(settings, count=400, boxes=BOXES, scale_min=0.5):
    return [plan_pair(boxes, SIZE, settings, scale_min, generator(0, "views", 0, n, "i")) for n in range(count)]


def as_row(box):
    return as_boxes(box)


@given(st.integers(0, 10**6), st.floats(0, 0.5), st.integers(0, 3))
def test_crop_in_region_in_image_and_object_in_dilation(seed, delta, num_boxes):
    settings = OAC.model_copy(update={"dilation_fraction": delta})
    boxes = np.random.default_rng(seed).uniform(0, 192, size=(num_boxes, 2, 2))
    boxes = np.concatenate([boxes.min(axis=1), boxes.max(axis=1)], axis=1)
    pair = plan_pair(boxes, SIZE, settings, 0.4, np.random.default_rng(seed))
    for view in pair:
        assert contains(as_row(view.region_box), as_row(view.crop_box)).all()
        assert contains(whole(SIZE), as_row(view.region_box)).all()
    by_region = {view.region: view for view in pair}
    assert contains(as_row(by_region["dilated_object"].region_box), as_row(by_region["object"].region_box)).all()
    assert pair[0].proposal_rank == pair[1].proposal_rank


def test_either_view_is_the_query_half_of_the_time():
    share = np.mean([query.region == "object" for query, _ in pairs(OAC, 2000)])
    assert share == pytest.approx(0.5, abs=0.05)


def test_without_swap_the_first_region_is_the_query():
    fixed = OAC.model_copy(update={"swap": False})
    assert all(query.region == "object" and key.region == "dilated_object" for query, key in pairs(fixed))


def test_tags_name_the_projector():
    query, key = pairs(OAC.model_copy(update={"swap": False}), 1)[0]
    assert (query.tag, key.tag) == (OBJECT_TAG, SCENE_TAG)


def test_an_image_without_proposals_gives_a_scene_pair():
    drawn = pairs(OAC, boxes=np.zeros((0, 4)), scale_min=0.9)
    views = [view for pair in drawn for view in pair]
    assert all(view.region_box == (0, 0, 256, 192) and view.proposal_rank == -1 for view in views)
    shares = [np.prod(as_row(v.crop_box)[0, 2:] - as_row(v.crop_box)[0, :2]) / (256 * 192) for v in views]
    assert min(shares) < 0.3, "cropped as scenes are, not as objects"


def test_object_views_keep_their_own_scale():
    fixed = OAC.model_copy(update={"swap": False})

    def share(view):
        region, crop = as_row(view.region_box)[0], as_row(view.crop_box)[0]
        return np.prod(crop[2:] - crop[:2]) / np.prod(region[2:] - region[:2])

    drawn = pairs(fixed, boxes=BOXES[:1], scale_min=0.8)
    assert min(share(query) for query, _ in drawn) > 0.7
    assert min(share(key) for _, key in drawn) < 0.4


def test_probabilities_and_ranges_of_the_augmentation_are_moco_v2s():
    transforms = [view.transform for pair in pairs(ViewSettings(size_px=64), 2000) for view in pair]
    jitters = [transform.jitter for transform in transforms if transform.jitter]
    assert len(jitters) / len(transforms) == pytest.approx(0.8, abs=0.03)
    assert np.mean([transform.is_gray for transform in transforms]) == pytest.approx(0.2, abs=0.03)
    sigmas = np.array([transform.blur_sigma for transform in transforms if transform.blur_sigma])
    assert len(sigmas) / len(transforms) == pytest.approx(0.5, abs=0.03)
    assert 0.1 <= sigmas.min() < sigmas.max() <= 2.0
    assert {tuple(name for name, _ in jitter) for jitter in jitters} != {jitters[0]}
    assert len({tuple(name for name, _ in jitter) for jitter in jitters}) == 24
    values = {name: [dict(jitter)[name] for jitter in jitters] for name in dict(jitters[0])}
    for name in ("brightness", "contrast", "saturation"):
        assert 0.6 <= min(values[name]) < 0.61
        assert 1.39 < max(values[name]) <= 1.4
    assert -0.1 <= min(values["hue"]) < -0.095


def test_equal_generators_plan_equal_views():
    assert pairs(OAC, 20) == pairs(OAC, 20)


def test_resizing_first_plans_square_ratios_on_the_image():
    settings = ViewSettings(size_px=64, resize_first_px=96)
    crops = np.array([view.crop_box for pair in pairs(settings, 500) for view in pair])
    assert crops[:, 2].max() <= 256 + 1e-9
    ratios = (crops[:, 2] - crops[:, 0]) / (crops[:, 3] - crops[:, 1])
    # 256 x 192 was squeezed to a square, where ratios are in 3/4..4/3
    assert np.median(ratios) == pytest.approx(256 / 192, rel=0.05)


def test_the_crop_that_was_drawn_on_a_square_is_recovered_in_its_whole_pixels():
    squared, plain = ViewSettings(size_px=64, resize_first_px=96), ViewSettings(size_px=64)
    boxes, size, square = BOXES, Size(1000, 333), Size(96, 96)
    for number in range(50):
        there = plan_pair(boxes, size, squared, 0.5, np.random.default_rng(number))
        drawn = plan_pair(boxes, square, plain, 0.5, np.random.default_rng(number))
        assert [drawn_crop(view, size, squared) for view in there] == [(view.crop_box, square) for view in drawn]
        assert [drawn_crop(view, square, plain) for view in drawn] == [(view.crop_box, square) for view in drawn]


def test_the_view_of_the_whole_image_is_not_cropped():
    view = plan_whole(SIZE, OAC, np.random.default_rng(0))
    assert view.crop_box == view.region_box == (0, 0, 256, 192)


def area_share(view):
    region, crop = as_row(view.region_box)[0], as_row(view.crop_box)[0]
    return np.prod(crop[2:] - crop[:2]) / np.prod(region[2:] - region[:2])


def test_a_whole_image_is_not_cropped_and_needs_no_proposal():
    for query, key in pairs(ViewSettings(regions=("whole_image", "scene"), swap=False), 20):
        assert query.crop_box == query.region_box == (0, 0, 256, 192)
        assert (query.proposal_rank, query.tag, area_share(key) < 1) == (-1, SCENE_TAG, True)


def test_object_views_may_be_all_of_their_region():
    settings = ViewSettings(regions=("object", "scene"), proposals="gt", object_crop="whole", swap=False)
    drawn = pairs(settings, 50)
    assert {query.crop_box for query, _ in drawn} == {(20, 30, 90, 110), (100, 10, 250, 180)}
    assert len({key.crop_box for _, key in drawn}) == 50
    fallback = pairs(settings, 50, boxes=np.zeros((0, 4)))
    assert len({query.crop_box for query, _ in fallback}) == 50, "a scene pair, cropped as scenes are"


def test_the_scale_of_scenes_may_be_fixed():
    views = [view for pair in pairs(ViewSettings(scene_scale_min=0.5, scene_scale_max=0.5)) for view in pair]
    assert all(area_share(view) == pytest.approx(0.5, abs=0.02) for view in views)


def test_a_shifted_view_is_beside_the_object_of_the_same_pair():
    settings = ViewSettings(regions=("object", "shifted_object"), proposals="gt", swap=False)
    for query, key in pairs(settings, 50, boxes=BOXES[:1]):
        first, second = np.array(query.region_box), np.array(key.region_box)
        assert (second[2:] - second[:2] == first[2:] - first[:2]).all()
        assert 0.1 * 192 - 1 <= np.hypot(*(second[:2] - first[:2])) <= 0.3 * 192 + 1
        assert (query.tag, key.tag, key.proposal_rank) == (OBJECT_TAG, SCENE_TAG, 0)


def test_random_boxes_have_the_area_asked_for_and_no_proposal():
    settings = ViewSettings(regions=("random_box", "random_box"), random_box_area=(0.1, 0.3))
    views = [view for pair in pairs(settings) for view in pair]
    regions = np.array([view.region_box for view in views])
    shares = (regions[:, 2] - regions[:, 0]) * (regions[:, 3] - regions[:, 1]) / (256 * 192)
    assert 0.095 < shares.min() < 0.105
    assert 0.28 < shares.max() < 0.305
    assert {view.proposal_rank for view in views} == {-1}
    assert min(area_share(view) for view in views) == pytest.approx(0.5, abs=0.05), "cropped by the objects' scale"


def test_the_releases_views_reach_beyond_the_border_into_black():
    released = ViewSettings(
        regions=("object", "dilated_object"),
        proposals="gt",
        dilation="coordinate_released",
        dilation_fraction=0.2,
        min_region_px=64,
        border="black",
        swap=False,
    )
    drawn = pairs(released, boxes=[[150.0, 100, 240, 170]], scale_min=0.0)
    assert {(query.region_box, key.region_box) for query, key in drawn} == {
        ((150, 100, 240, 170), (120, 80, 288, 204)),
    }
    for query, key in drawn:
        assert contains(as_row(query.region_box), as_row(query.crop_box)).all()
        assert contains(as_row(key.region_box), as_row(key.crop_box)).all()
    assert min(area_share(query) for query, _ in drawn) < 0.05, "no s_min"
    white = np.full((192, 256, 3), 255, dtype=np.uint8)
    for _, key in drawn[:20]:
        plain = replace(key, transform=PLAIN, is_flipped=False)
        visible_shares = np.clip([256 - key.crop_box[0], 192 - key.crop_box[1]], 0, None) / (
            np.array(key.crop_box[2:]) - key.crop_box[:2]
        )
        view = render(Part.whole(white), SIZE, plain, 64)
        assert (view > 127).mean() == pytest.approx(np.prod(np.minimum(visible_shares, 1)), abs=0.05)
