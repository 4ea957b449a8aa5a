from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from objectcrop.boxes import Size
from objectcrop.proposals.lod.regions.feature_shards import FeatureShards, writing_features
from objectcrop.proposals.lod.regions.image_regions import ImageRegions, Regions
from objectcrop.proposals.lod.select import select_lod
from objectcrop.proposals.lod.shards import StoredArray, stored_array, write_arrays
from objectcrop.proposals.table import (
    BoxTable,
    ImageProposals,
    boxes_by_image,
    describe_features,
    join_tables,
    proposals_table,
    training_shard,
    training_sizes,
    usable,
    write_proposals,
)
from objectcrop.study.settings.proposals import FileTrunk, LodProposals
from objectcrop.tables import MANIFEST, PROPOSALS, check, empty_table, read_table

SIZES = {"a": Size(100, 100), "b": Size(200, 100), "c": Size(50, 50)}


def image_proposals(image_id: str, boxes: list[list[float]]) -> ImageProposals:
    return ImageProposals(image_id, SIZES[image_id], np.array(boxes).reshape(-1, 4), np.arange(len(boxes), 0.0, -1))


def test_rows_are_ranked_from_zero_in_each_image_and_come_back_in_order():
    table = proposals_table([image_proposals("a", [[0, 0, 50, 40], [1, 1, 5, 5]]), image_proposals("c", [])])
    table = check(table, PROPOSALS, where="test")
    assert table["rank"].tolist() == [0, 1]
    assert_allclose(boxes_by_image(table.iloc[::-1])["a"], [[0, 0, 50, 40], [1, 1, 5, 5]])


def test_no_boxes_make_an_empty_table():
    assert len(check(proposals_table([]), PROPOSALS, where="test")) == 0


def test_boxes_are_cut_at_the_border_and_small_ones_dropped():
    kept = usable(image_proposals("a", [[-5, 0, 20, 20], [10, 10, 11, 80], [0, 0, 3, 3]]))
    assert_allclose(kept.boxes, [[0, 0, 20, 20]])
    assert kept.scores.tolist() == [3.0]


def test_the_summary_counts_and_suggests_a_crop_scale(tmp_path):
    images = [image_proposals("a", [[0, 0, 50, 100]]), image_proposals("b", [[0, 0, 100, 50], [0, 0, 50, 100]])]
    summary = write_proposals(tmp_path / "p.parquet", images, 3, features="some")
    assert (summary["num_images"], summary["num_images_without"], summary["num_boxes"]) == (3, 1, 3)
    assert summary["mean_area_share"] == pytest.approx(1 / 3)
    assert summary["object_scale_min"] == pytest.approx(0.6)
    assert summary["mean_boxes"] == pytest.approx(1)


def test_small_boxes_meet_the_cap_of_the_crop_scale_and_none_at_all_the_scene_s(tmp_path):
    small = write_proposals(tmp_path / "p.parquet", [image_proposals("a", [[0, 0, 10, 10]])], 1, features="")
    assert small["object_scale_min"] == 0.9
    nothing = write_proposals(tmp_path / "p.parquet", [image_proposals("a", [])], 1, features="")
    assert (nothing["object_scale_min"], nothing["mean_area_share"]) == (0.2, None)
    assert len(read_table(tmp_path / "p.parquet", PROPOSALS)) == 0


@pytest.mark.parametrize("at_a_time", [1, 4, 100])
def test_the_table_and_its_summary_do_not_depend_on_how_much_is_written_at_a_time(tmp_path, monkeypatch, at_a_time):
    images = [
        image_proposals("a", [[0, 0, 50, 40], [1, 1, 5, 5]]),
        image_proposals("b", []),
        image_proposals("c", [[3, 2, 41, 42]]),
    ]
    expected = check(proposals_table(images), PROPOSALS, where="test")
    monkeypatch.setattr("objectcrop.proposals.table.BOXES_AT_A_TIME", at_a_time)
    summary = write_proposals(tmp_path / "p.parquet", iter(images), 3, features="")
    pd.testing.assert_frame_equal(read_table(tmp_path / "p.parquet", PROPOSALS), expected)
    assert summary["mean_area_share"] == np.mean([50 * 40 / 1e4, 16 / 1e4, 38 * 40 / 2500])


def test_boxes_are_found_by_name_in_the_order_of_the_rows():
    names = pd.Series(["b", "a", "b", "c", "a"])
    corners = pd.DataFrame(np.arange(20.0).reshape(5, 4), columns=["x1", "y1", "x2", "y2"])
    kinds = pd.CategoricalDtype(pd.Index(["a", "b", "c", "none has it"], dtype="str"))
    for column in (names, names.astype(kinds)):
        table = BoxTable(column, corners)
        assert list(table) == ["b", "a", "c"]
        assert len(table) == 3
        assert table["b"][:, 0].tolist() == [0, 8]
        assert table["a"][:, 0].tolist() == [4, 16]
        assert table.get("none has it") is None
        assert table.rows("c").tolist() == [3]
    assert list(BoxTable(names.iloc[:0], corners.iloc[:0])) == []


def test_shards_are_joined_in_the_order_of_the_images_by_rank():
    parts = [
        proposals_table(
            [image_proposals("c", [[0, 0, 5, 5]]), image_proposals("a", [[0, 0, 9, 9], [1, 1, 4, 4]])]
        ).iloc[::-1],
        proposals_table([image_proposals("b", [[0, 0, 3, 3]])]),
        empty_table(PROPOSALS),
    ]
    joined = list(join_tables(parts, SIZES))
    assert [one.image_id for one in joined] == ["a", "b", "c"]
    assert joined[0].boxes.tolist() == [[0, 0, 9, 9], [1, 1, 4, 4]]
    assert joined[0].scores.tolist() == [2, 1]


def test_only_the_training_split_gets_proposals():
    manifest = empty_table(MANIFEST)
    for image_id, split in (("a", "train"), ("t", "test")):
        manifest.loc[len(manifest)] = [image_id, "p", 30, 20, 1, split, "0" * 16]
    assert training_sizes(manifest) == {"a": Size(30, 20)}


def test_shards_take_turns_along_the_training_images():
    splits = ["train", "test", "train", "train", "train"]
    manifest = pd.DataFrame({"image_id": list("abcde"), "path": [f"{name}.jpg" for name in "abcde"], "split": splits})
    assert training_shard(manifest, 0, 2) == [("a", "a.jpg"), ("d", "d.jpg")]
    assert training_shard(manifest, 1, 2) == [("c", "c.jpg"), ("e", "e.jpg")]


def one_image(folder: Path, image_id: str) -> FeatureShards:
    boxes = np.array([[0, 0, 50, 50], [5, 5, 15, 15], [30, 30, 40, 40], [7, 7, 8, 8]])
    regions = Regions(boxes, np.array([3, 4, 4, 5]), np.array([0, 0, 1, 0]))
    with writing_features(folder / "0.npz", exact=True) as writer:
        writer.add(image_id, ImageRegions(Size(50, 50), np.zeros(2, np.float32), regions, np.zeros((4, 1), np.float32)))
    return FeatureShards([folder / "0.npz"])


def ranking(folder: Path, scores: list[float]) -> StoredArray:
    write_arrays(folder / "ranking.npz", scores=np.array(scores))
    return stored_array(folder / "ranking.npz", "scores")


def test_boxes_are_selected_in_pixels_of_the_decoded_image(tmp_path):
    settings = LodProposals(kind="lod", features_run="r", max_boxes=2)
    scores = ranking(tmp_path, [0.1, 0.5, 0.4, 0.9])
    (best,) = select_lod(one_image(tmp_path, "b"), scores, {"b": SIZES["b"]}, settings)
    # the fourth scores best but covers less than a thousandth of the image; the third shares a root number, not a layer
    assert_allclose(best.boxes, [[20, 10, 60, 30], [120, 60, 160, 80]])
    assert best.scores.tolist() == [0.5, 0.4]


@pytest.mark.parametrize(
    ("image_id", "num_scores", "message"), [("x", 4, "extract_features"), ("b", 5, "ranks 5 .* 4; run rank_regions")]
)
def test_features_of_other_images_and_rankings_of_others_are_refused(tmp_path, image_id, num_scores, message):
    settings = LodProposals(kind="lod", features_run="r")
    scores = ranking(tmp_path, [0.0] * num_scores)
    with pytest.raises(ValueError, match=message):
        list(select_lod(one_image(tmp_path, image_id), scores, {"b": SIZES["b"]}, settings))


def test_the_origin_of_features_names_run_and_labels():
    source = LodProposals(kind="lod", features_run="scene-scene")
    text = describe_features(source, [{"run": "scene-scene", "seed": 3, "features": "label-free"}])
    assert text == "label-free features of run scene-scene, seed 3"


def test_the_origin_of_features_from_a_file_names_network_file_and_training():
    trunk = FileTrunk(arch="vgg16", weights="models/v.pth", trained_with="ImageNet labels")
    text = describe_features(LodProposals(kind="lod", trunk=trunk), [])
    assert text == "vgg16 from models/v.pth: ImageNet labels"
