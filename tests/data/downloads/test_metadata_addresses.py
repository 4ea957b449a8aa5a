"""Each version of Open Images has its addresses, and the table knows its sizes and digests."""

from objectcrop.data.downloads.addresses import wanted_metadata
from objectcrop.study.settings.datasets import OpenImagesDataset
from objectcrop.study.settings.downloads import Download


def addresses(download: dict, splits=("train", "validation", "test")) -> dict[str, str]:
    dataset = OpenImagesDataset(
        source="openimages",
        boxes={split: f"oi/{split}.csv" for split in splits},
        class_descriptions="oi/classes.csv",
        images={split: f"oi/{split}" for split in splits},
    )
    files = wanted_metadata(dataset, Download.model_validate(download), "http://m")
    return {file.path: file.address.removeprefix("http://m/") for file in files}


def test_the_addresses_of_each_version():
    assert addresses({"version": "v4"}) == {
        "oi/train.csv": "2018_04/train/train-annotations-bbox.csv",
        "oi/validation.csv": "2018_04/validation/validation-annotations-bbox.csv",
        "oi/test.csv": "2018_04/test/test-annotations-bbox.csv",
        "oi/classes.csv": "2018_04/class-descriptions-boxable.csv",
    }
    assert addresses({"version": "v5"})["oi/train.csv"] == "2018_04/train/train-annotations-bbox.csv"
    for version in ("v6", "v7"):
        assert addresses({"version": version}) == {
            "oi/train.csv": "v6/oidv6-train-annotations-bbox.csv",
            "oi/validation.csv": "v5/validation-annotations-bbox.csv",
            "oi/test.csv": "v5/test-annotations-bbox.csv",
            "oi/classes.csv": "v5/class-descriptions-boxable.csv",
        }


def test_a_split_may_be_another_one_of_open_images_and_image_ids_lie_beside_its_boxes():
    by_path = addresses({"upstream_splits": {"train": "validation"}, "image_ids": True}, splits=("train",))
    assert by_path == {
        "oi/train.csv": "2018_04/validation/validation-annotations-bbox.csv",
        "oi/validation-images-with-rotation.csv": "2018_04/validation/validation-images-with-rotation.csv",
        "oi/classes.csv": "2018_04/class-descriptions-boxable.csv",
    }


def test_what_is_known_is_that_of_the_table_unless_the_address_is_ones_own():
    dataset = OpenImagesDataset(source="openimages", boxes={"test": "t.csv"}, class_descriptions="c.csv", images={})
    (boxes, classes) = wanted_metadata(dataset, Download(), "http://m")
    assert (boxes.num_bytes, boxes.sha256[:8]) == (52_174_204, "7cd2d47f")
    assert (classes.num_bytes, classes.sha256) == (None, None)
    own = Download.model_validate({"metadata": {"test_boxes": {"address": "https://x/t.csv", "num_bytes": 7}}})
    boxes, _ = wanted_metadata(dataset, own, "http://m")
    assert (boxes.address, boxes.num_bytes, boxes.sha256) == ("https://x/t.csv", 7, None)
