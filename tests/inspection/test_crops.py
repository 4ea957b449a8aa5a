"""The crops of the data set are those that training draws."""

from types import SimpleNamespace

import pandas as pd
import pytest

from objectcrop.boxes import Size
from objectcrop.inspection.crops import draw_pairs
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import boxes_of_images
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.runs import Run

SIZE = Size(320, 240)
IDS = ["a", "b"]
PROPOSALS = pd.DataFrame(
    [("a", 1, 100, 50, 200, 150, 0.5), ("a", 0, 10, 20, 110, 220, 0.9)],
    columns=["image_id", "rank", "x1", "y1", "x2", "y2", "score"],
)
IMAGES = pd.DataFrame({"image_id": IDS, "width_px": SIZE.width, "height_px": SIZE.height})


@pytest.mark.parametrize("resize_first_px", [None, 128])
def test_pairs_are_those_of_the_first_epochs_in_the_order_of_the_regions(resize_first_px):
    views = {"regions": ["object", "dilated_object"], "proposals": "lod", "resize_first_px": resize_first_px}
    run = Run.model_validate({"dataset": "drawn", "views": views, "losses": {"rotation": 1.0, "localization": 1.0}})
    images = SimpleNamespace(ids=IDS, sizes=[SIZE, SIZE])
    samples = PairSamples(images, boxes_of_images(PROPOSALS, images), run, 0.4, Seeds(7, 0))
    pairs = draw_pairs(IMAGES, PROPOSALS, run.views, object_scale_min=0.4, num_pairs=12, seed=7)
    for row, image_id in enumerate(IDS):
        for epoch, pair in enumerate(pairs[image_id]):
            plan = samples.plan((epoch, row))
            first, second = sorted((plan.query, plan.key), key=lambda view: view.region, reverse=True)
            assert (pair.view1, pair.view2) == (first.crop_box, second.crop_box)
            assert (pair.object_box, pair.dilated_box) == (first.region_box, second.region_box)
            assert pair.proposal_rank == first.proposal_rank
    assert {pair.proposal_rank for pair in pairs["a"]} == {0, 1}
    assert {pair.proposal_rank for pair in pairs["b"]} == {-1}


def test_pairs_of_samples_by_box_are_those_of_the_first_epoch():
    views = {"regions": ["object", "dilated_object"], "proposals": "lod", "sample_unit": "box"}
    run = Run.model_validate({"dataset": "drawn", "views": views})
    images = SimpleNamespace(ids=IDS, sizes=[SIZE, SIZE])
    samples = PairSamples(images, boxes_of_images(PROPOSALS, images), run, 0.4, Seeds(7, 0))
    pairs = draw_pairs(IMAGES, PROPOSALS, run.views, object_scale_min=0.4, num_pairs=5, seed=7)
    assert [pair.proposal_rank for pair in pairs["a"]] == [0, 1]
    for number, pair in enumerate(pairs["a"]):
        plan = samples.plan((0, number))
        assert {pair.view1, pair.view2} == {plan.query.crop_box, plan.key.crop_box}
    assert [pair.proposal_rank for pair in pairs["b"]] == [-1] * 5


def test_a_run_on_scenes_has_crops_and_no_object_regions():
    run = Run.model_validate({"dataset": "drawn"})
    pairs = draw_pairs(IMAGES, PROPOSALS, run.views, object_scale_min=0.4, num_pairs=1, seed=7)
    (pair,) = pairs["a"]
    assert (pair.proposal_rank, pair.object_box, pair.dilated_box) == (-1, None, None)
    assert pair.view1 != pair.view2
