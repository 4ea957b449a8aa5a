"""COCO instances."""

import json

import numpy as np
import pytest

from objectcrop.data.readers.coco import list_coco, read_coco_boxes
from objectcrop.study.settings.datasets import CocoDataset
from objectcrop.tables import ANNOTATIONS, check


def instances(**changes) -> dict:
    value = {
        "images": [
            {"id": 7, "file_name": "000000000007.jpg", "width": 200, "height": 100},
            {"id": 5, "file_name": "000000000005.jpg", "width": 10, "height": 10},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [20, 10, 40, 50], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 9, "bbox": [0, 0, 200.1, 100], "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 9, "name": "person"}],
    }
    return {**value, **changes}


@pytest.fixture
def write(tmp_path):
    def write_json(value):
        path = tmp_path / "instances.json"
        path.write_text(json.dumps(value))
        return path

    return write_json


def test_width_and_height_become_relative_corners_and_crowds_are_flagged(write):
    boxes = check(read_coco_boxes(write(instances()), "train"), ANNOTATIONS, where="test")
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy() == pytest.approx(np.array([[0.1, 0.1, 0.3, 0.6], [0, 0, 1, 1]]))
    assert boxes["class_id"].tolist() == ["car", "person"]
    assert boxes["is_crowd"].tolist() == boxes["is_group_of"].tolist() == [False, True]
    assert set(boxes["image_id"]) == {"000000000007"}


def test_images_without_annotations_are_listed(write, tmp_path):
    write(instances())
    dataset = CocoDataset(source="coco", instances={"train": "instances.json"}, images={"train": "train2017"})
    listing = list_coco(dataset, tmp_path)
    assert listing["image_id"].tolist() == ["000000000005", "000000000007"]
    assert listing["path"].tolist() == ["train2017/000000000005.jpg", "train2017/000000000007.jpg"]


def test_a_file_without_annotations_has_no_boxes(write):
    boxes = read_coco_boxes(write(instances(annotations=[])), "train")
    assert len(check(boxes, ANNOTATIONS, where="test")) == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"images": []}, "expected COCO instances with a list of annotations"),
        ([], "expected COCO instances with a list of images"),
        (instances(categories=[{"id": 3}]), r"entry 0 of categories lacks \['name'\]"),
        (
            instances(annotations=[{"id": 4, "image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]}]),
            "annotation 4: image 8 or category 3 is unknown",
        ),
        (
            instances(annotations=[{"id": 4, "image_id": 7, "category_id": 3, "bbox": [150, 0, 60, 1]}]),
            "annotation 4: the box is outside the image",
        ),
        (
            instances(annotations=[{"id": 4, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}]),
            r"annotation 4: bbox must be four numbers, got \[1, 2, 3\]",
        ),
        (
            instances(annotations=[{"id": 4, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, None]}]),
            "annotation 4: bbox must be four numbers",
        ),
        (instances(images=[*instances()["images"], instances()["images"][0]]), "images: the id 7 occurs 2 times"),
        (
            instances(images=[image | {"file_name": "a.jpg"} for image in instances()["images"]]),
            "images: the file_name 'a.jpg' occurs 2 times",
        ),
        (instances(categories=[{"id": 3, "name": "a"}, {"id": 9, "name": "a"}]), "the name 'a' occurs 2 times"),
        (
            instances(images=[image | {"width": 0} for image in instances()["images"]]),
            "image 7 has the size 0 x 100",
        ),
        (
            instances(images=[image | {"id": []} for image in instances()["images"]]),
            r"images: the id \[\] is no number or text",
        ),
    ],
)
def test_what_is_not_of_the_form_is_named(write, value, message):
    with pytest.raises(ValueError, match=rf"instances\.json.*{message}"):
        read_coco_boxes(write(value), "train")


def test_a_file_that_is_cut_off_is_named_and_to_be_had_again(write):
    path = write(instances())
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ValueError, match=r"instances\.json: is cut off or no JSON .*get it again"):
        read_coco_boxes(path, "train")


IMAGES = [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}]
BOX = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("images", "box", "message"),
    [
        ({}, {"image_id": [1]}, r"annotation 5: image \[1\] or category 1 is unknown"),
        ({}, {"category_id": {}}, r"annotation 5: image 1 or category \{\} is unknown"),
        ({}, {"bbox": [1, 2, 3, 10**400]}, "annotation 5: bbox must be four numbers"),
        ({}, {"bbox": "a" * 5000}, "annotation 5: bbox must be four numbers, got 'a{199}$"),
        ({}, {"bbox": [1, 2, 3, float("nan")]}, "annotation 5: the box has a corner that is no number"),
        ({}, {"bbox": [1, 2, -3, 4]}, "annotation 5: the box is"),
        ({"width": 10**400}, {}, "image 1 has the size 1000.* x 10"),
        ({"width": float("inf")}, {}, "image 1 has the size inf x 10"),
        ({"file_name": ""}, {}, "the file_name '' is no name of a file"),
        ({"file_name": "\ud800.jpg"}, {}, r"the file_name '\\ud800\.jpg' is no number or text"),
        ({"file_name": "."}, {}, r"the file_name '\.' is no name of a file"),
    ],
)
def test_values_that_cannot_be_are_named(tmp_path, images, box, message):
    value = {"images": [IMAGES[0] | images], "annotations": [BOX | box], "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "train.json").write_text(json.dumps(value))
    with pytest.raises(ValueError, match=rf"train\.json.*{message}"):
        read_coco_boxes(tmp_path / "train.json", "train")


def test_json_that_is_nested_without_end_is_no_json(tmp_path):
    (tmp_path / "train.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"train\.json: is cut off or no JSON"):
        read_coco_boxes(tmp_path / "train.json", "train")
