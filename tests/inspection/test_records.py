"""Records hold what the tables say, in the places that the App draws."""

import pandas as pd
import pytest

from objectcrop.inspection.fields import attributes, label_fields, sample_fields
from objectcrop.inspection.records import DrawnPair, choose_images, make_records
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table
from tests.inspection.small_study import BALL, GROUP, NUM_IMAGES, RANKED, write_study


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"))
    files = (("manifest", MANIFEST), ("annotations", ANNOTATIONS), ("proposals", PROPOSALS))
    return tuple(read_table(folder / f"{name}.parquet", schema) for name, schema in files)


@pytest.fixture
def records(tables):
    manifest, annotations, proposals = tables
    images = choose_images(manifest, proposals, max_images=100, seed=0)
    return list(make_records(images, annotations, proposals, {"/m/ball": "Ball"}))


def test_images_of_splits_with_proposals_are_shown_even_those_without_any(records):
    assert [record.values["image_id"] for record in records] == [f"scene-{number}" for number in range(NUM_IMAGES)]
    assert [record.values["num_proposals"] for record in records] == [len(RANKED.get(n, [])) for n in range(NUM_IMAGES)]


def test_measures_follow_from_the_proposals(records):
    assert [record.values["corloc"] for record in records] == [True, False, False, False, False, False]
    assert [record.values["det_rate"] for record in records] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    verdicts = [[box.attributes["verdict"] for box in record.boxes["proposals"]] for record in records]
    assert verdicts == [["hit"], ["miss", "hit"], ["partial"], ["miss"], [], []]


def test_groups_are_drawn_and_left_out_of_the_measures(records):
    ball, group = records[1].boxes["ground_truth"]
    assert records[1].values["num_objects"] == 1
    assert (ball.label, ball.attributes["covered"], ball.attributes["first_hit_rank"]) == ("Ball", True, 1)
    assert (group.label, group.attributes["is_group"]) == ("/m/crate", True)
    assert "covered" not in group.attributes


def test_boxes_are_left_top_width_height_relative_to_the_image(records):
    ball, group = records[0].boxes["ground_truth"]
    assert ball.box == pytest.approx((0.1, 0.2, 0.3, 0.6))
    assert group.box == pytest.approx((0.6, 0.1, 0.35, 0.8))
    (proposal,) = records[0].boxes["proposals"]
    assert (proposal.label, proposal.box) == ("#1", pytest.approx((0.1, 0.2, 0.3, 0.6)))


def test_crops_know_their_proposal_and_whether_they_show_an_object(tables):
    manifest, annotations, proposals = tables
    images = choose_images(manifest, proposals, max_images=100, seed=0)
    pair = DrawnPair(0, (20, 20, 50, 80), GROUP, object_box=BALL, dilated_box=(10, 15, 90, 85))
    whole = DrawnPair(-1, *[(0, 0, 200, 100)] * 4)
    records = list(make_records(images, annotations, proposals, {}, {"scene-0": [pair, whole]}))
    boxes = records[0].boxes
    assert [box.label for box in boxes["object_box"]] == ["#1", "whole image"]
    assert [box.attributes["object_share"] for box in boxes["view1_crops"]] == pytest.approx([0.5, 1.0])
    assert [box.attributes["sees_object"] for box in boxes["view2_crops"]] == [False, True]
    assert records[0].values["crop_hit_rate"] == 0.75
    assert records[1].boxes["view1_crops"] == []
    assert "crop_hit_rate" not in records[1].values


@pytest.mark.parametrize("with_crops", [False, True])
def test_records_hold_declared_fields_only(tables, with_crops):
    manifest, annotations, proposals = tables
    images = choose_images(manifest, proposals, max_images=100, seed=0)
    pairs = {"scene-0": [DrawnPair(0, *[BALL] * 4)]} if with_crops else None
    fields = {field.path for field in sample_fields(with_crops=with_crops)}
    declared = {attribute.path for attribute in attributes(with_crops=with_crops)}
    seen_fields, seen_attributes = set(), set()
    for record in make_records(images, annotations, proposals, {}, pairs):
        assert tuple(record.boxes) == label_fields(with_crops=with_crops)
        seen_fields |= set(record.values)
        seen_attributes |= {
            f"{name}.{key}" for name, row in record.boxes.items() for box in row for key in box.attributes
        }
    assert seen_fields == fields
    assert seen_attributes - {"proposals.confidence"} == declared


def test_a_sample_is_seeded_and_of_the_size_asked_for(tables):
    manifest, _, proposals = tables
    first, again = (choose_images(manifest, proposals, max_images=3, seed=0) for _ in range(2))
    assert len(first) == 3
    pd.testing.assert_frame_equal(first, again)
    others = [choose_images(manifest, proposals, max_images=3, seed=seed) for seed in range(1, 5)]
    assert any(list(other["image_id"]) != list(first["image_id"]) for other in others)
