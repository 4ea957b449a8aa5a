"""The real images of ../shared are read with exactly the counts that their README files state."""

import csv

import pandas as pd
import pytest

from objectcrop.data.images import decode_image
from objectcrop.data.manifest import index_dataset
from objectcrop.data.readers.openimages import read_class_names
from objectcrop.data.readers.registry import list_images, parse_dataset, read_labels
from objectcrop.data.readers.voc import read_image_set
from objectcrop.data.relative_boxes import count_train_images
from objectcrop.runtime.atomic import read_json
from objectcrop.study.settings.datasets import VocPart
from objectcrop.tables import ANNOTATIONS, CLASSES, MANIFEST, check

pytestmark = pytest.mark.shared_data

COCO_IMAGES = {"train": "coco_mini/train2017", "validation": "coco_mini/val2017"}
CSVS = "coco_mini/as_openimages_csv_NOT_OPENIMAGES"
VOC07 = "voc_mini/VOCdevkit_cocoderived/VOC2007"
VOC12 = "voc_mini/VOCdevkit/VOC2012"
SPLITS = ("train", "validation", "test")
MINIS = {
    "openimages": {
        "source": "openimages",
        "boxes": {split: f"openimages_mini/{split}-annotations-bbox.csv" for split in SPLITS},
        "class_descriptions": "openimages_mini/class-descriptions-boxable.csv",
        "images": {split: f"openimages_mini/{split}" for split in SPLITS},
    },
    "coco": {
        "source": "coco",
        "instances": {
            "train": "coco_mini/annotations/instances_train2017.json",
            "validation": "coco_mini/annotations/instances_val2017.json",
        },
        "images": COCO_IMAGES,
    },
    "coco_as_openimages": {
        "source": "openimages",
        "boxes": {split: f"{CSVS}/{split}-annotations-bbox.csv" for split in ("train", "validation")},
        "class_descriptions": f"{CSVS}/class-descriptions-boxable.csv",
        "images": COCO_IMAGES,
    },
    "voc07": {
        "source": "voc",
        "parts": {
            "train": [{"devkit": VOC07, "image_set": "train"}],
            "validation": [{"devkit": VOC07, "image_set": "val"}],
            "test": [{"devkit": VOC07, "image_set": "test"}],
        },
    },
    "voc12": {
        "source": "voc",
        "parts": {
            "train": [{"devkit": VOC12, "image_set": "trainval"}],
            "test": [{"devkit": VOC12, "image_set": "test"}],
        },
    },
    "voc07_trainval": {"source": "voc", "parts": {"train": [{"devkit": VOC07, "image_set": "trainval"}]}},
    "voc12_train_val": {
        "source": "voc",
        "parts": {
            "train": [{"devkit": VOC12, "image_set": "train"}],
            "validation": [{"devkit": VOC12, "image_set": "val"}],
        },
    },
    "openimages_v6": {
        "source": "openimages",
        "boxes": {"train": "openimages_mini/oidv6-train-annotations-bbox.csv"},
        "class_descriptions": "openimages_mini/class-descriptions-boxable.csv",
        "images": {"train": "openimages_mini/train"},
    },
    "pool": {"source": "folder", "images": "coco_val_pool_224/val2017"},
}
# The images of coco_as_openimages are those that have boxes; README files count boxes only for it.
IMAGES = {
    "openimages": {"train": 21, "validation": 7, "test": 7},
    "coco": {"train": 92, "validation": 66},
    "coco_as_openimages": {"train": 91, "validation": 64},
    "voc07": {"train": 39, "validation": 35, "test": 51},
    "voc12": {"train": 30, "test": 20},
    "voc07_trainval": {"train": 74},
    "voc12_train_val": {"train": 20, "validation": 10},
    "openimages_v6": {"train": 21},
    "pool": {"train": 2584},
}
BOXES = {
    "openimages": {"train": 80, "validation": 25, "test": 14},
    "coco": {"train": 829, "validation": 560},
    "coco_as_openimages": {"train": 829, "validation": 560},
    "voc07": 749,
    "voc12": 143,
    "openimages_v6": {"train": 80},
    "pool": 0,
}
CLASSES_OF_MINIS = {
    "openimages": 5,
    "coco": 74,
    "coco_as_openimages": 74,
    "voc07": 19,
    "voc12": 20,
    "openimages_v6": 5,
    "pool": 0,
}
BOXES_AN_IMAGE = {"coco": 8.8, "openimages": 3.4, "voc12": 2.9}


def read(name, shared):
    labels = read_labels(name, parse_dataset(MINIS[name]), shared / "data")
    return labels.boxes, count_train_images(*labels)


def index(name, shared):
    return index_dataset(name, parse_dataset(MINIS[name]), shared / "data")


@pytest.mark.parametrize("name", MINIS)
def test_images_are_all_readable_and_as_many_as_stated(shared, name):
    indexed = index(name, shared)
    assert indexed.unreadable.empty
    assert check(indexed.manifest, MANIFEST, where=name).groupby("split").size().to_dict() == IMAGES[name]


@pytest.mark.parametrize("name", BOXES)
def test_boxes_and_classes_are_as_many_as_stated(shared, name):
    annotations, classes = read(name, shared)
    boxes = check(annotations, ANNOTATIONS, where=name)
    num_boxes = boxes.groupby("split").size().to_dict() if isinstance(BOXES[name], dict) else len(boxes)
    assert num_boxes == BOXES[name]
    assert len(check(classes, CLASSES, where=name)) == CLASSES_OF_MINIS[name]


def test_crowds_and_classes_of_each_coco_split_are_as_many_as_stated(shared):
    boxes, classes = read("coco", shared)
    assert boxes.groupby("split")["is_crowd"].sum().to_dict() == {"train": 9, "validation": 8}
    assert boxes.groupby("split")["class_id"].nunique().to_dict() == {"train": 67, "validation": 62}
    assert (classes["num_train_images"] > 0).sum() == 67


def test_the_same_boxes_in_two_formats_agree(shared):
    corners = ["image_id", "x1", "y1", "x2", "y2"]
    coco, csv = (
        read(name, shared)[0].sort_values(corners, ignore_index=True) for name in ("coco", "coco_as_openimages")
    )
    assert coco["image_id"].tolist() == csv["image_id"].tolist()
    difference = coco[corners[1:]].sub(csv[corners[1:]]).abs().quantile(0.95)
    assert difference.max() < 1e-5  # the rest are rows that the CSV's six digits sort differently
    assert coco["is_group_of"].sum() == csv["is_group_of"].sum() == 17


def test_every_photograph_is_decoded_at_the_size_of_the_manifest(shared):
    manifest = index("coco", shared).manifest
    for row in manifest.itertuples():
        assert decode_image(shared / "data" / row.path).shape == (row.height_px, row.width_px, 3)


def test_the_coco_mini_is_158_images_of_80_categories_with_free_licences(shared):
    manifest = index("coco", shared).manifest
    assert len(manifest) == 158
    assert manifest[["width_px", "height_px"]].median().tolist() == [640, 480]
    with (shared / "data/coco_mini/licenses.csv").open(encoding="utf-8", newline="") as file:
        licences = {row["file_name"].removesuffix(".jpg"): int(row["license_id"]) for row in csv.DictReader(file)}
    assert set(licences) == set(manifest["image_id"])
    assert set(licences.values()) == {4, 5, 7}
    for path in MINIS["coco"]["instances"].values():
        assert len(read_json(shared / "data" / path)["categories"]) == 80


@pytest.mark.parametrize("name", BOXES_AN_IMAGE)
def test_an_image_has_as_many_boxes_as_stated(shared, name):
    boxes, _ = read(name, shared)
    assert round(len(boxes) / sum(IMAGES[name].values()), 1) == BOXES_AN_IMAGE[name]


def test_the_open_images_mini_has_the_classes_source_and_unknown_flags_that_are_stated(shared):
    boxes, classes = read("openimages", shared)
    assert sorted(classes["name"]) == ["Apple", "Bicycle", "Bird", "Boat", "Person"]
    assert set(boxes["source"]) == {"unknown"}
    assert not boxes[["is_group_of", "is_depiction", "is_crowd"]].to_numpy().any()
    assert index("openimages", shared).manifest[["width_px", "height_px"]].max().max() == 2048
    names = read_class_names(shared / "data" / MINIS["openimages"]["class_descriptions"])
    assert len(names) == 601


def test_the_csv_of_version_6_holds_the_boxes_of_the_other(shared):
    older, newer = (check(read(name, shared)[0], ANNOTATIONS, where=name) for name in ("openimages", "openimages_v6"))
    order = ["image_id", "class_id", "x1", "y1", "x2", "y2"]
    older = older[older["split"] == "train"].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(older, newer.sort_values(order, ignore_index=True))


def test_coco_as_open_images_names_its_source_and_flags_its_crowds_as_groups(shared):
    boxes, _ = read("coco_as_openimages", shared)
    assert set(boxes["source"]) == {"coco2017"}
    assert boxes.groupby("split")["is_group_of"].sum().to_dict() == {"train": 9, "validation": 8}
    assert not boxes[["is_depiction", "is_crowd"]].to_numpy().any()


def test_difficult_objects_of_the_derived_devkit_are_the_crowds_of_coco(shared):
    derived, coco = (read(name, shared)[0] for name in ("voc07", "coco"))
    coco_crowds = coco[coco["image_id"].isin(derived["image_id"]) & coco["is_crowd"]]
    crowds = derived[derived["is_crowd"]]
    for column in ("x1", "y1", "x2", "y2"):
        for box in crowds.itertuples():
            near = coco_crowds.loc[coco_crowds["image_id"] == box.image_id, column]
            assert (near - getattr(box, column)).abs().min() < 0.01
    assert len(crowds) == 14


def test_the_parts_of_the_derived_devkit_are_the_splits_of_coco(shared):
    derived, coco = (list_images(name, parse_dataset(MINIS[name]), shared / "data") for name in ("voc07", "coco"))
    ids = {split: set(coco.loc[coco["split"] == split, "image_id"]) for split in ("train", "validation")}
    assert set(derived.loc[derived["split"] != "test", "image_id"]) <= ids["train"]
    assert set(derived.loc[derived["split"] == "test", "image_id"]) <= ids["validation"]


def test_the_set_of_a_class_lists_the_images_that_show_it(shared):
    boxes, _ = read("voc12", shared)
    train = boxes[boxes["split"] == "train"]
    for class_id in boxes["class_id"].unique():
        part = VocPart(devkit=VOC12, image_set=f"{class_id}_trainval")
        expected = set(train.loc[train["class_id"] == class_id, "image_id"])
        if expected:
            assert set(read_image_set(part, shared / "data")) == expected


def test_the_pool_has_short_sides_of_224_pixels_and_no_image_of_the_others(shared):
    pool = index("pool", shared).manifest
    assert set(pool[["width_px", "height_px"]].min(axis=1)) == {224}
    ids = set(pool["image_id"].str.removesuffix(".jpg"))
    for name in ("coco", "openimages", "voc07", "voc12"):
        assert not ids & set(list_images(name, parse_dataset(MINIS[name]), shared / "data")["image_id"])


def test_modes_and_orientations_are_counted(shared):
    indexed = index("coco", shared)
    assert dict(indexed.modes) == {"L": 1, "RGB": 157}
    assert dict(indexed.orientations) == {1: 158}
