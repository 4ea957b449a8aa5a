import numpy as np
import pytest
from numpy.testing import assert_allclose

from objectcrop.boxes import Size
from objectcrop.lod.shards import JoinedImages
from objectcrop.lod.table import (
    Found,
    boxes_by_image,
    describe_features,
    proposals_table,
    select_lod,
    summarise,
    training_sizes,
    usable,
)
from objectcrop.study.proposals import FileTrunk, LodProposals
from objectcrop.tables import MANIFEST, PROPOSALS, check, empty_table

SIZES = {"a": Size(100, 100), "b": Size(200, 100), "c": Size(50, 50)}


def found(image_id: str, boxes: list[list[float]]) -> Found:
    return Found(image_id, SIZES[image_id], np.array(boxes).reshape(-1, 4), np.arange(len(boxes), 0.0, -1))


def test_rows_are_ranked_from_zero_in_each_image_and_come_back_in_order():
    table = proposals_table([found("a", [[0, 0, 50, 40], [1, 1, 5, 5]]), found("c", [])])
    table = check(table, PROPOSALS, where="test")
    assert table["rank"].tolist() == [0, 1]
    assert_allclose(boxes_by_image(table.iloc[::-1])["a"], [[0, 0, 50, 40], [1, 1, 5, 5]])


def test_no_boxes_make_an_empty_table():
    assert len(check(proposals_table([]), PROPOSALS, where="test")) == 0


def test_boxes_are_cut_at_the_border_and_small_ones_dropped():
    kept = usable(found("a", [[-5, 0, 20, 20], [10, 10, 11, 80], [0, 0, 3, 3]]))
    assert_allclose(kept.boxes, [[0, 0, 20, 20]])
    assert kept.scores.tolist() == [3.0]


def test_the_summary_counts_and_suggests_a_crop_scale():
    table = check(
        proposals_table([found("a", [[0, 0, 50, 100]]), found("b", [[0, 0, 100, 50], [0, 0, 50, 100]])]),
        PROPOSALS,
        where="test",
    )
    summary = summarise(table, SIZES, features="some")
    assert (summary["num_images"], summary["num_images_without"], summary["num_boxes"]) == (3, 1, 3)
    assert summary["mean_area_share"] == pytest.approx(1 / 3)
    assert summary["object_scale_min"] == pytest.approx(0.6)
    assert summary["mean_boxes"] == pytest.approx(1)


def test_small_boxes_meet_the_cap_of_the_crop_scale_and_none_at_all_the_scene_s():
    small = check(proposals_table([found("a", [[0, 0, 10, 10]])]), PROPOSALS, where="test")
    assert summarise(small, SIZES, features="")["object_scale_min"] == 0.9
    nothing = summarise(empty_table(PROPOSALS), SIZES, features="")
    assert (nothing["object_scale_min"], nothing["mean_area_share"]) == (0.2, None)


def test_only_the_training_split_gets_proposals():
    manifest = empty_table(MANIFEST)
    for image_id, split in (("a", "train"), ("t", "test")):
        manifest.loc[len(manifest)] = [image_id, "p", 30, 20, 1, split]
    assert training_sizes(manifest) == {"a": Size(30, 20)}


def joined(ids: list[str]) -> JoinedImages:
    boxes = np.array([[0, 0, 50, 50], [5, 5, 15, 15], [30, 30, 40, 40], [7, 7, 8, 8]], dtype=np.int32)
    arrays = {
        "sizes": [np.array([50, 50])],
        "boxes": [boxes],
        "roots": [np.array([3, 4, 4, 5], dtype=np.int32)],
        "layers": [np.array([0, 0, 1, 0], dtype=np.int8)],
    }
    return JoinedImages(ids, arrays)


def test_boxes_are_selected_in_pixels_of_the_decoded_image():
    settings = LodProposals(kind="lod", features_run="r", max_boxes=2)
    scores, offsets = np.array([0.1, 0.5, 0.4, 0.9]), np.array([0, 4])
    (best,) = select_lod(joined(["b"]), scores, offsets, {"b": SIZES["b"]}, settings)
    # the fourth scores best but covers less than a thousandth of the image; the third shares a root number, not a layer
    assert_allclose(best.boxes, [[20, 10, 60, 30], [120, 60, 160, 80]])
    assert best.scores.tolist() == [0.5, 0.4]


def test_features_of_other_images_are_refused():
    settings = LodProposals(kind="lod", features_run="r")
    with pytest.raises(ValueError, match="extract_features"):
        list(select_lod(joined(["x"]), np.zeros(4), np.array([0, 4]), {"b": SIZES["b"]}, settings))


def test_the_origin_of_features_names_run_and_labels():
    source = LodProposals(kind="lod", features_run="scene-scene")
    text = describe_features(source, [{"run": "scene-scene", "seed": 3, "features": "label-free"}])
    assert text == "label-free features of run scene-scene, seed 3"


def test_the_origin_of_features_from_a_file_names_network_file_and_training():
    trunk = FileTrunk(arch="vgg16", weights="models/v.pth", trained_with="ImageNet labels")
    text = describe_features(LodProposals(kind="lod", trunk=trunk), [])
    assert text == "vgg16 from models/v.pth: ImageNet labels"
