"""Samples: reproducible whatever makes them, and what they hold."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from objectcrop.boxes import Size
from objectcrop.data.decoders import describe_decoder, resolve_decoder
from objectcrop.data.images import decode_image
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.samples.images import ImageList, boxes_of_images, read_for
from objectcrop.ssl.samples.labelled import labels_by_image
from objectcrop.ssl.samples.order import BatchOrder, key_permutation, load_batches
from objectcrop.ssl.samples.pairs import PairSamples, ShuffledSamples
from objectcrop.study.settings.views import ViewSettings
from objectcrop.tables import ANNOTATIONS, check
from objectcrop.views.localization import occupancy
from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import Part, render

ALONE = World(0, 1, torch.device("cpu"))


@pytest.fixture
def samples(tables, request_of):
    images = ImageList.of(tables.manifest, tables.data_root)
    return PairSamples(images, boxes_of_images(tables.proposals, images), request_of("oac").run, 0.5, Seeds(0, 1))


def all_batches(samples, num_workers, steps=range(8), world=ALONE):
    order = BatchOrder(len(samples.images), 4, steps, seeds=Seeds(0, 1), world=world)
    return list(load_batches(samples, order, num_workers, ALONE.device))


def same(first, second):
    return all((a is None and b is None) or torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_samples_do_not_depend_on_the_number_of_workers(samples):
    alone, helped = all_batches(samples, 0), all_batches(samples, 2)
    assert len(alone) == len(helped) == 8
    assert all(map(same, alone, helped))


def test_only_training_images_are_used(samples):
    assert tuple(samples.images.ids) == tuple(f"i{number:02d}" for number in range(16))


def test_every_epoch_shows_each_image_once_in_an_order_of_its_own(samples):
    rows = [batch.rows.tolist() for batch in all_batches(samples, 0)]
    first, second = list(chain(*rows[:4])), list(chain(*rows[4:]))
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second


def test_processes_share_the_global_batch(samples):
    whole = all_batches(samples, 0, range(3))
    halves = [all_batches(samples, 0, range(3), World(rank, 2, torch.device("cpu"))) for rank in (0, 1)]
    for step in range(3):
        parts = zip(halves[0][step], halves[1][step], strict=True)
        joined = [None if a is None else torch.cat([a, b]) for a, b in parts]
        assert same(whole[step], joined)


@pytest.mark.parametrize("renderer", ["cpu", "batched"])
def test_loaded_shuffled_keys_are_those_of_the_shuffled_batch(samples, request_of, renderer):
    """Bit for bit, also where a view alone could have been decoded smaller than beside its query."""
    cpu = torch.device("cpu")
    samples.run = request_of("oac", views={"renderer": renderer, "size_px": 16}).run
    whole = [batch.to(cpu) for batch in all_batches(samples, 0, range(3))]
    for rank in (0, 1):
        world = World(rank, 2, torch.device("cpu"))
        order = BatchOrder(16, 4, range(3), seeds=Seeds(0, 1), world=world, loads_shuffled=True)
        for step, loaded in enumerate(load_batches(ShuffledSamples(samples), order, 0, world.device)):
            batch = loaded.to(cpu)
            mine = key_permutation(Seeds(0, 1), step, 4)[2 * rank : 2 * rank + 2]
            assert torch.equal(batch.rows, whole[step].rows[2 * rank : 2 * rank + 2])
            assert torch.equal(batch.shuffled_key, whole[step].key[mine])
            assert torch.equal(batch.shuffled_key_tags, whole[step].key_tags[mine])
            turns = torch.where(whole[step].query_tags[mine] == 0, 0, whole[step].rotation[mine])
            assert torch.equal(batch.shuffled_key_rotation, turns)


def test_training_that_starts_later_sees_the_same_batches(samples):
    assert all(map(same, all_batches(samples, 0)[5:], all_batches(samples, 0, range(5, 8))))


def test_a_batch_shows_what_is_planned(samples):
    batch = all_batches(samples, 0, range(1))[0]
    for place, row in enumerate(batch.rows.tolist()):
        plan, size = samples.plan((0, row)), samples.images.sizes[row]
        image = Part.whole(decode_image(samples.images.paths[row]))
        assert (batch.query[place].numpy() == render(image, size, plan.query, 32)).all()
        assert (batch.whole[place].numpy() == render(image, size, plan.whole, 32)).all()
        assert (batch.query_tags[place], batch.key_tags[place]) == (plan.query.tag, plan.key.tag)
        assert batch.rotation[place] == plan.rotation
        crop = next(view for view in (plan.query, plan.key) if view.region == "object").crop_box
        cells = occupancy(crop, size, 3, is_flipped=plan.whole.is_flipped)
        assert (batch.cells[place].numpy() == cells).all()


def test_swavs_small_crops_are_beside_the_pair(tables, request_of):
    images = ImageList.of(tables.manifest, tables.data_root)
    run = request_of(method="swav", views={"small_crops": {"count": 3, "size_px": 14}}).run
    samples = PairSamples(images, [np.zeros((0, 4))] * len(images), run, 0.5, Seeds(0, 1))
    batch = samples.__getitems__([(0, 2), (5, 7)])
    assert batch.small.shape == (2, 3, 14, 14, 3)
    plan, image = samples.plan((5, 7)), Part.whole(decode_image(images.paths[7]))
    for place, view in enumerate(plan.small):
        assert (batch.small[1, place].numpy() == render(image, images.sizes[7], view, 14)).all()


def test_runs_that_differ_in_losses_see_the_same_views(tables, request_of):
    images = ImageList.of(tables.manifest, tables.data_root)
    boxes = boxes_of_images(tables.proposals, images)
    plain, with_losses = (
        PairSamples(images, boxes, request_of(name, method="swav").run, 0.5, Seeds(0, 1)).plan((1, 4))
        for name in ("obj-dilate", "oac")
    )
    assert (plain.query, plain.key, plain.small) == (with_losses.query, with_losses.key, with_losses.small)


def test_rotations_are_uniform(samples):
    rotation = [samples.plan((epoch, 0)).rotation for epoch in range(800)]
    assert (abs(np.bincount(rotation, minlength=4) - 200) < 60).all()


def test_boxes_are_listed_by_rank_and_may_be_missing(tables):
    images = ImageList.of(tables.manifest, tables.data_root)
    boxes = boxes_of_images(tables.proposals.sample(frac=1, random_state=0), images)
    assert boxes[0].tolist() == [[10, 8, 36, 30], [2, 2, 30, 38]]
    assert boxes[3].shape == (0, 4)


def test_labels_are_multi_hot_where_images_have_several_classes(tables):
    images = ImageList.of(tables.manifest, tables.data_root)
    labels, classes = labels_by_image(tables.annotations, images)
    assert classes == ["a", "b", "c"]
    assert labels[:2].tolist() == [[0, 0, 1], [1, 1, 0]]
    single, _ = labels_by_image(tables.annotations[tables.annotations.class_id != "b"], images)
    assert single[:3].tolist() == [1, 0, 1]
    empty = check(pd.DataFrame(columns=list(ANNOTATIONS.columns)), ANNOTATIONS, where="test")
    with pytest.raises(ValueError, match="needs labels"):
        labels_by_image(empty, images)


def test_no_more_is_decoded_than_the_views_show(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 320, 3), dtype=np.uint8)).save(tmp_path / "p.png")
    size, settings = Size(320, 256), ViewSettings(size_px=32)

    def views(*boxes):
        return [ViewPlan("scene", (0, 0, 320, 256), box) for box in boxes]

    part = read_for(tmp_path / "p.png", size, views((40.4, 10, 100, 90.6), (60, 50, 120, 70)), settings)
    assert (part.left, part.top, part.pixels.shape) == (40, 10, (81, 80, 3))
    assert (part.pixels == decode_image(tmp_path / "p.png")[10:91, 40:120]).all()
    outside = read_for(tmp_path / "p.png", size, views((-40, -10, 8, 9)), settings)
    assert (outside.left, outside.top, outside.pixels.shape) == (0, 0, (9, 8, 3))
    beyond = read_for(tmp_path / "p.png", size, views((400, 10, 440, 20)), settings)
    assert beyond.pixels.size > 0, "decoders decode something"
    squeezed = read_for(tmp_path / "p.png", size, views((0, 0, 320, 256)), ViewSettings(size_px=32, resize_first_px=96))
    assert squeezed.pixels.shape[:2] == squeezed.size == (96, 96)


def test_samples_say_how_they_are_made(samples, request_of):
    described = samples.describe()
    assert (described["images"], described["images_without_proposals"]) == (16, 1)
    assert described["decoder"] == describe_decoder(resolve_decoder("auto"))
    scenes = PairSamples(samples.images, samples.boxes, request_of().run, 0.5, Seeds(0, 1))
    assert scenes.describe()["images_without_proposals"] == 0, "scene pairs need none"


def test_the_decoder_that_is_asked_for_is_used(tables, request_of, tmp_path, monkeypatch):
    import cv2

    from objectcrop.data import decoders

    cv2.imwrite(str(tmp_path / "p.jpg"), np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8))
    images = ImageList(("i",), (tmp_path / "p.jpg",), (Size(48, 40),))
    samples = PairSamples(images, [np.zeros((0, 4))], request_of(views={"decoder": "pil"}).run, 0.5, Seeds(0, 1))
    asked = []
    real = decoders._DECODERS["pil"]
    monkeypatch.setitem(decoders._DECODERS, "pil", lambda *args: asked.append(args) or real(*args))
    monkeypatch.delitem(decoders._DECODERS, "opencv")
    samples.__getitems__([(0, 0)])
    assert len(asked) == 1


def test_a_missing_decoder_stops_before_any_image_is_read(tables, request_of, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    images = ImageList.of(tables.manifest, tables.data_root)
    with pytest.raises(ValueError, match=r"views\.decoder: nvimgcodec needs the package"):
        PairSamples(images, [], request_of(views={"decoder": "nvimgcodec"}).run, 0.5, Seeds(0, 1))


def test_the_batched_renderer_shows_the_same_samples(tables, request_of):
    images = ImageList.of(tables.manifest, tables.data_root)
    boxes = boxes_of_images(tables.proposals, images)

    def batches(renderer, num_workers):
        run = request_of("oac", method="swav", views={"renderer": renderer}).run
        samples = PairSamples(images, boxes, run, 0.5, Seeds(0, 1))
        assert samples.describe()["renderer"] == renderer
        return [batch.to(torch.device("cpu")) for batch in all_batches(samples, num_workers, range(3))]

    for one, other in zip(batches("cpu", 0), batches("batched", 2), strict=True):
        for name in ("query_tags", "key_tags", "rotation", "cells", "rows"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        for name in ("query", "key", "whole", "small"):
            first, second = getattr(one, name), getattr(other, name)
            assert (first.shape, first.dtype) == (second.shape, second.dtype)
            assert (first.int() - second.int()).abs().float().mean() <= 1
            assert first.float().std() > 10


def test_views_of_the_whole_image_may_have_a_side_of_their_own(samples, request_of):
    before = all_batches(samples, 0, range(1))[0]
    samples.run = request_of("oac", losses={"whole_size_px": 64}).run
    after = all_batches(samples, 0, range(1))[0]
    assert (before.whole.shape, after.whole.shape) == ((4, 32, 32, 3), (4, 64, 64, 3))
    assert same(before._replace(whole=None), after._replace(whole=None))


def test_a_run_trains_on_views_augmented_in_batches(tables, request_of, tmp_path):
    # batch norm over two values would make a rounding a sign
    calm = {"moco": {"projector_batch_norm": False, "batch_norm_group": 0}, "optimizer": {"epochs": 1}}
    augmented = [
        pretrain(request_of("oac", **calm, views={"renderer": name}), tables, tmp_path / name).summary
        for name in ("cpu", "batched")
    ]
    assert [summary["samples"]["renderer"] for summary in augmented] == ["cpu", "batched"]
    losses = [summary["history"][0]["loss"] for summary in augmented]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]


BOXES = {"views": {"sample_unit": "box"}}


def test_by_box_every_usable_proposal_is_a_sample_of_each_epoch(samples, request_of):
    box_samples = PairSamples(samples.images, samples.boxes, request_of("oac", **BOXES).run, 0.5, Seeds(0, 1))
    keys = [(4, number) for number in range(len(box_samples))]
    plans = [box_samples.plan(key) for key in keys]
    sources = [
        (row, max(plan.query.proposal_rank, plan.key.proposal_rank))
        for row, plan in zip(box_samples.rows_of(keys), plans, strict=True)
    ]
    # two boxes an image; the one without gives a scene pair
    assert sources == [(row, rank) for row in range(16) for rank in ((-1,) if row == 3 else (0, 1))]
    assert box_samples.describe()["samples_per_epoch"] == 31
    first, second = plans[0], plans[1]
    assert first.query.crop_box != second.query.crop_box
    batch = box_samples.__getitems__([(0, 1), (0, 2), (0, 6)])
    assert batch.rows.tolist() == [0, 1, 3]


def test_by_box_no_more_than_the_first_proposals_are_taken(samples, request_of):
    views = {"sample_unit": "box", "max_proposals": 1}
    run = request_of("oac", views=views).run
    assert len(PairSamples(samples.images, samples.boxes, run, 0.5, Seeds(0, 1))) == 16
    squeezed = request_of("oac", views={"sample_unit": "box", "resize_first_px": 96}).run
    plan = PairSamples(samples.images, samples.boxes, squeezed, 0.5, Seeds(0, 1)).plan((0, 1))
    assert {plan.query.proposal_rank, plan.key.proposal_rank} == {1}


def test_by_box_an_epoch_is_a_pass_over_the_boxes(tables, request_of, tmp_path):
    pretrained = pretrain(request_of("oac", **BOXES, optimizer={"epochs": 1}), tables, tmp_path / "c")
    assert pretrained.summary["cost"]["images_seen"] == 28  # 31 boxes in batches of 4
    assert len(pretrained.summary["history"]) == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scene-scene", r"none of views.regions \['scene', 'scene'\] is made from a box"),
        ("cmc", "method cmc needs each image once in an epoch"),
        ("insdis", "method insdis needs each image once in an epoch"),
    ],
)
def test_samples_by_box_are_rejected_where_they_have_no_meaning(request_of, name, message):
    with pytest.raises(ValueError, match=message):
        request_of(name, **BOXES)
