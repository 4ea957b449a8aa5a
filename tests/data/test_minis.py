"""The real photographs of ../shared are read with exactly the counts that their README files state."""

import pytest

from objectcrop.data.images import decode_image
from objectcrop.data.manifest import index_dataset
from objectcrop.data.sources import parse_dataset, read_labels
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
    "pool": {"source": "folder", "images": "coco_val_pool_224/val2017"},
}
# The pictures of coco_as_openimages are those that have boxes; README files count boxes only for it.
PICTURES = {
    "openimages": {"train": 21, "validation": 7, "test": 7},
    "coco": {"train": 92, "validation": 66},
    "coco_as_openimages": {"train": 91, "validation": 64},
    "voc07": {"train": 39, "validation": 35, "test": 51},
    "voc12": {"train": 30, "test": 20},
    "pool": {"train": 2584},
}
BOXES = {
    "openimages": {"train": 80, "validation": 25, "test": 14},
    "coco": {"train": 829, "validation": 560},
    "coco_as_openimages": {"train": 829, "validation": 560},
    "voc07": 749,
    "voc12": 143,
    "pool": 0,
}
CLASSES_OF_MINIS = {"openimages": 5, "coco": 74, "coco_as_openimages": 74, "voc07": 19, "voc12": 20, "pool": 0}


@pytest.mark.parametrize("name", MINIS)
def test_pictures_are_all_readable_and_as_many_as_stated(shared, name):
    index = index_dataset(name, parse_dataset(MINIS[name]), shared / "data")
    assert index.unreadable.empty
    assert check(index.manifest, MANIFEST, where=name).groupby("split").size().to_dict() == PICTURES[name]


@pytest.mark.parametrize("name", MINIS)
def test_boxes_and_classes_are_as_many_as_stated(shared, name):
    annotations, classes = read_labels(name, parse_dataset(MINIS[name]), shared / "data")
    boxes = check(annotations, ANNOTATIONS, where=name)
    found = boxes.groupby("split").size().to_dict() if isinstance(BOXES[name], dict) else len(boxes)
    assert found == BOXES[name]
    assert len(check(classes, CLASSES, where=name)) == CLASSES_OF_MINIS[name]


def test_crowds_and_classes_of_each_coco_split_are_as_many_as_stated(shared):
    boxes, classes = read_labels("coco", parse_dataset(MINIS["coco"]), shared / "data")
    assert boxes.groupby("split")["is_crowd"].sum().to_dict() == {"train": 9, "validation": 8}
    assert boxes.groupby("split")["class_id"].nunique().to_dict() == {"train": 67, "validation": 62}
    assert (classes["num_train_images"] > 0).sum() == 67


def test_the_same_boxes_in_two_formats_agree(shared):
    corners = ["image_id", "x1", "y1", "x2", "y2"]
    coco, csv = (
        read_labels(name, parse_dataset(MINIS[name]), shared / "data")[0].sort_values(corners, ignore_index=True)
        for name in ("coco", "coco_as_openimages")
    )
    assert coco["image_id"].tolist() == csv["image_id"].tolist()
    difference = coco[corners[1:]].sub(csv[corners[1:]]).abs().quantile(0.95)
    assert difference.max() < 1e-5  # the rest are rows that the CSV's six digits sort differently
    assert coco["is_group_of"].sum() == csv["is_group_of"].sum() == 17


def test_every_photograph_is_decoded_at_the_size_of_the_manifest(shared):
    manifest = index_dataset("coco", parse_dataset(MINIS["coco"]), shared / "data").manifest
    for row in manifest.itertuples():
        assert decode_image(shared / "data" / row.path).shape == (row.height_px, row.width_px, 3)
