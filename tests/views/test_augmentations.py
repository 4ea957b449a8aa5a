"""Augmentation sets: probabilities and ranges are those of each method's authors."""

import numpy as np
import pytest

from objectcrop.boxes import Size
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.views import SmallCropSettings, ViewSettings
from objectcrop.views.plan import plan_pair, plan_small_crops, plan_whole

SIZE = Size(256, 192)
BOXES = np.array([[20.0, 30, 90, 110]])
COUNT = 1500


def pairs(augmentation, count=COUNT, **more):
    settings = ViewSettings(augmentation=augmentation, **more)
    return [plan_pair(BOXES, SIZE, settings, 0.5, generator(0, "views", 0, n, "i")) for n in range(count)]


def share(flags):
    return np.mean(list(flags))


def ranges(transforms):
    values = [dict(transform.jitter) for transform in transforms if transform.jitter]
    return {name: (min(v[name] for v in values), max(v[name] for v in values)) for name in values[0]}


def is_about(bounds, low, high):
    return bounds == pytest.approx((low, high), abs=0.02)


@pytest.mark.parametrize("place", [0, 1])
def test_byol_blurs_every_query_and_solarises_some_keys(place):
    transforms = [pair[place].transform for pair in pairs("byol")]
    assert share(bool(transform.blur_sigma) for transform in transforms) == pytest.approx((1.0, 0.1)[place], abs=0.03)
    assert share(transform.is_solarised for transform in transforms) == pytest.approx((0.0, 0.2)[place], abs=0.04)
    assert share(bool(transform.jitter) for transform in transforms) == pytest.approx(0.8, abs=0.04)
    assert share(transform.is_gray for transform in transforms) == pytest.approx(0.2, abs=0.04)
    jitter = ranges(transforms)
    assert is_about(jitter["brightness"], 0.6, 1.4)
    assert is_about(jitter["contrast"], 0.6, 1.4)
    assert is_about(jitter["saturation"], 0.8, 1.2)
    assert is_about(jitter["hue"], -0.1, 0.1)
    assert len({tuple(name for name, _ in transform.jitter) for transform in transforms if transform.jitter}) == 24


def test_byols_halves_belong_to_query_and_key_whichever_region_is_the_query():
    drawn = pairs("byol", regions=("object", "dilated_object"), proposals="gt")
    queries = {query.region for query, _ in drawn}
    assert queries == {"object", "dilated_object"}
    assert all(query.transform.blur_sigma > 0 and not query.transform.is_solarised for query, _ in drawn)
    assert {key.region for _, key in drawn if key.transform.is_solarised} == {"object", "dilated_object"}


def test_what_is_cropped_does_not_depend_on_the_swap():
    more = {"regions": ("object", "dilated_object"), "proposals": "gt"}
    for augmentation in ("moco_v2", "byol"):
        kept = pairs(augmentation, 50, swap=False, **more)
        for (first, second), pair in zip(kept, pairs(augmentation, 50, **more), strict=True):
            swapped = sorted(pair, key=lambda view: view.region, reverse=True)
            assert [view.crop_box for view in swapped] == [first.crop_box, second.crop_box]
            assert [view.is_flipped for view in swapped] == [first.is_flipped, second.is_flipped]


def test_byol_resizes_bicubically_and_others_do_not():
    assert {view.interpolation for pair in pairs("byol", 5) for view in pair} == {"bicubic"}
    assert {view.interpolation for pair in pairs("swav", 5) for view in pair} == {"linear"}
    assert plan_whole(SIZE, ViewSettings(augmentation="byol"), np.random.default_rng(0)).interpolation == "bicubic"


def test_swav_jitters_twice_as_strongly():
    transforms = [view.transform for pair in pairs("swav") for view in pair]
    jitter = ranges(transforms)
    for name in ("brightness", "contrast", "saturation"):
        assert is_about(jitter[name], 0.2, 1.8)
    assert is_about(jitter["hue"], -0.2, 0.2)
    assert share(bool(transform.jitter) for transform in transforms) == pytest.approx(0.8, abs=0.04)
    assert share(bool(transform.blur_sigma) for transform in transforms) == pytest.approx(0.5, abs=0.04)
    assert share(transform.is_gray for transform in transforms) == pytest.approx(0.2, abs=0.04)
    assert not any(transform.is_solarised for transform in transforms)


def test_moco_v1_always_jitters_after_grey_and_never_blurs():
    transforms = [view.transform for pair in pairs("moco_v1") for view in pair]
    assert all(transform.jitter and transform.is_gray_first and not transform.blur_sigma for transform in transforms)
    assert share(transform.is_gray for transform in transforms) == pytest.approx(0.2, abs=0.04)
    jitter = ranges(transforms)
    assert is_about(jitter["brightness"], 0.6, 1.4)
    assert is_about(jitter["hue"], -0.4, 0.4)


def test_cmc_only_mirrors():
    views = [view for pair in pairs("cmc") for view in pair]
    assert not any(view.transform.jitter or view.transform.is_gray or view.transform.blur_sigma for view in views)
    assert share(view.is_flipped for view in views) == pytest.approx(0.5, abs=0.04)


def small_plans(**more):
    settings = ViewSettings(
        augmentation="swav",
        small_crops=SmallCropSettings(),
        regions=("object", "dilated_object"),
        proposals="gt",
        **more,
    )
    drawn = [plan_small_crops(SIZE, settings, generator(0, "views", 0, n, "i")) for n in range(300)]
    assert {len(plans) for plans in drawn} == {6}
    return [plan for plans in drawn for plan in plans]


def test_small_crops_are_small_parts_of_the_scene_even_beside_object_views():
    plans = small_plans()
    boxes = np.array([plan.crop_box for plan in plans])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (256 * 192)
    assert 0.045 < areas.min() < 0.06
    assert 0.13 < areas.max() < 0.145
    assert areas.mean() == pytest.approx(0.095, abs=0.003)
    assert boxes[:, 0].min() < 10
    assert boxes[:, 2].max() > 246


def test_small_crops_are_blurred_by_as_many_of_their_own_pixels_as_large_ones():
    sigmas = [plan.transform.blur_sigma for plan in small_plans() if plan.transform.blur_sigma]
    # sigma is stated at 224 pixels, a small crop has 96
    assert max(sigmas) * 96 / 224 == pytest.approx(2.0, abs=0.05)


def test_small_crops_of_an_image_that_is_squeezed_first_are_in_its_own_pixels():
    boxes = np.array([plan.crop_box for plan in small_plans(resize_first_px=64)])
    assert boxes[:, 2].max() > 200
    ratios = (boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])
    assert np.median(ratios) == pytest.approx(256 / 192, rel=0.05)


def test_without_the_setting_there_are_no_small_crops():
    assert plan_small_crops(SIZE, ViewSettings(), np.random.default_rng(0)) == ()
