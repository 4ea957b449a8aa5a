"""The door to boxes and classes."""

import json

import pytest

from objectcrop.tables import ANNOTATIONS, CLASSES, read_table
from workflow_scripts.read_annotations import main

CSV = """ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside
a,s,/m/1,1,0,0.5,0,0.5,0,0,0,0,0
a,s,/m/2,1,0,0.5,0,0.5,0,0,1,0,0
b,s,/m/1,1,0,0.5,0,0.5,0,0,0,0,0
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train.csv").write_text(CSV)
    (tmp_path / "names.csv").write_text("/m/1,One\n/m/2,Two\n/m/3,Three\n")
    return tmp_path


def read(root, out: str, dataset: dict, *more) -> tuple:
    paths = root / f"{out}.parquet", root / f"{out}.classes.parquet"
    settings = json.dumps({"dataset_name": out, "dataset": dataset})
    arguments = ["--settings", settings, "--data-root", str(root), "--out", str(paths[0]), "--classes", str(paths[1])]
    main([*arguments, *map(str, more)])
    return (*paths, read_table(paths[0], ANNOTATIONS), read_table(paths[1], CLASSES))


OPENIMAGES = {
    "source": "openimages",
    "boxes": {"train": "train.csv"},
    "class_descriptions": "names.csv",
    "images": {"train": "train"},
}


def test_boxes_and_the_classes_that_have_some_are_written(root):
    *_, boxes, classes = read(root, "base", OPENIMAGES, "--boxes", "--parts")
    assert boxes["class_id"].tolist() == ["/m/1", "/m/2", "/m/1"]
    assert classes.to_dict("list") == {
        "class_id": ["/m/1", "/m/2"],
        "name": ["One", "Two"],
        "num_train_images": [2, 1],
    }


def test_the_boxes_of_an_ohms_subset_become_its_annotations(root):
    path, classes_path, boxes, classes = read(root, "base", OPENIMAGES)
    ohms = {"source": "ohms", "of": "base"}
    *_, subset, named = read(root, "ohms", ohms, "--boxes", path, "--boxes-classes", classes_path)
    assert subset.equals(boxes)
    assert named.equals(classes)


def test_a_union_with_a_folder_without_labels_has_the_labels_of_the_other(root):
    path, classes_path, boxes, classes = read(root, "base", OPENIMAGES)
    empty, no_classes, *_ = read(root, "plain", {"source": "folder", "images": "train"})
    union = {"source": "union", "parts": ["plain", "base"]}
    *_, joined, named = read(root, "union", union, "--parts", empty, path, "--part-classes", no_classes, classes_path)
    assert joined.equals(boxes)
    assert named.equals(classes)
