"""Settings of views: a method brings its own, configured values override them, contradictions are named."""

import pytest
from pydantic import ValidationError

from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.views import ViewSettings


def views_of(method, **views):
    return Run.model_validate({"dataset": "d", "method": method, "views": views}).views


def test_a_method_brings_its_own_augmentation_and_scale():
    assert (views_of("byol").augmentation, views_of("byol").scene_scale_min) == ("byol", 0.08)
    assert (views_of("swav").augmentation, views_of("swav").scene_scale_min) == ("swav", 0.14)
    assert (views_of("cmc").augmentation, views_of("cmc").scene_scale_min) == ("cmc", 0.2)
    assert (views_of("insdis").augmentation, views_of("insdis").scene_scale_min) == ("moco_v1", 0.2)
    assert views_of("supervised").scene_scale_min == 0.08, "the release's loader of supervised baselines"
    for method in ("moco_v2", "densecl"):
        assert (views_of(method).augmentation, views_of(method).scene_scale_min) == ("moco_v2", 0.2)


def test_swav_draws_six_crops_of_96_pixels():
    small = views_of("swav").small_crops
    assert (small.count, small.size_px, small.scale) == (6, 96, (0.05, 0.14))
    assert views_of("swav", size_px=32).small_crops.size_px == 14
    assert views_of("swav", small_crops=None).small_crops is None, "the variant of two large crops"


def test_what_is_configured_overrides_the_methods_own():
    assert views_of("byol", augmentation="moco_v2").augmentation == "moco_v2"
    assert views_of("byol", scene_scale_min=0.3).scene_scale_min == 0.3
    run = Run(dataset="d", method="byol", views=ViewSettings(scene_scale_min=0.3))
    assert (run.views.augmentation, run.views.scene_scale_min) == ("byol", 0.3)


def test_settings_that_are_written_and_read_stay_the_same():
    run = Run.model_validate({"dataset": "d", "method": "swav"})
    assert Run.model_validate(run.model_dump(mode="json")) == run


@pytest.mark.parametrize(
    ("views", "problem"),
    [
        ({"scene_scale_min": 0.5, "scene_scale_max": 0.4}, "scene_scale_min: 0.5 exceeds scene_scale_max 0.4"),
        ({"border": "black"}, "coordinate_released"),
        ({"shift_radius": [0.3, 0.1]}, "the least comes first"),
        ({"small_crops": {"size_px": 300}}, "300 exceeds size_px 224"),
        ({"small_crops": {}}, "method moco_v2 has no use for them"),
    ],
)
def test_contradictions_are_named(views, problem):
    with pytest.raises(ValidationError, match=problem):
        views_of("moco_v2", **views)


def test_only_regions_made_of_objects_need_proposals():
    assert views_of("moco_v2", regions=["random_box", "whole_image"]).proposals is None
    with pytest.raises(ValidationError, match=r"views\.proposals: is missing"):
        views_of("moco_v2", regions=["scene", "shifted_object"])
