"""One set of scenes in three layouts that agree with each other, and that the readers take."""

import csv
import json
from collections import Counter
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from objectcrop.data.class_maps import list_class_maps
from objectcrop.data.drawn.dataset import draw_dataset
from objectcrop.data.drawn.layouts import BOX_COLUMNS
from objectcrop.data.drawn.plan import plan_scene
from objectcrop.data.readers.openimages import drawn_layout, list_openimages, read_openimages_boxes
from objectcrop.data.readers.voc import read_voc_boxes
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset, VocPart

WIDTH, HEIGHT = 200, 150
SETTINGS = DrawnDataset(
    source="drawn",
    num_train=6,
    num_validation=3,
    num_test=4,
    width_px=WIDTH,
    height_px=HEIGHT,
    mean_objects=6,
    clutter=1.0,
)
COUNTS = {"train": 6, "validation": 3, "test": 4}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    draw_dataset("set", SETTINGS, root)
    return root


@pytest.fixture(scope="module")
def folder(root):
    return root / "drawn" / "set"


def csv_rows(folder, split: str) -> list[dict[str, str]]:
    with (folder / f"{split}-annotations-bbox.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def plain_names(folder) -> dict[str, str]:
    with (folder / "class-descriptions-boxable.csv").open(newline="") as file:
        return dict(csv.reader(file))


def pixel_box(row: dict[str, str]) -> tuple[int, ...]:
    sides = [("XMin", WIDTH), ("YMin", HEIGHT), ("XMax", WIDTH), ("YMax", HEIGHT)]
    return tuple(round(float(row[name]) * size) for name, size in sides)


@pytest.mark.parametrize("split", COUNTS)
def test_the_csv_has_the_13_columns_of_open_images(folder, split):
    rows = csv_rows(folder, split)
    assert tuple(rows[0]) == BOX_COLUMNS
    assert len(BOX_COLUMNS) == 13
    assert {row["ImageID"] for row in rows} == {path.stem for path in (folder / split).glob("*.jpg")}
    assert len({row["ImageID"] for row in rows}) == COUNTS[split]
    assert {row["IsGroupOf"] + row["IsDepiction"] + row["IsInside"] for row in rows} == {"000"}
    assert {row["IsOccluded"] for row in rows} | {row["IsTruncated"] for row in rows} <= {"0", "1"}


def test_every_label_has_a_plain_name(folder):
    names = plain_names(folder)
    assert len(names) == SETTINGS.num_classes
    assert names["/m/drawn01"] == "striped disc"
    assert {row["LabelName"] for split in COUNTS for row in csv_rows(folder, split)} <= set(names)


def test_images_are_jpegs_of_the_size_asked_for(folder):
    for path in (folder / "train").iterdir():
        assert path.read_bytes()[:3] == b"\xff\xd8\xff"
        assert cv2.imread(str(path)).shape == (HEIGHT, WIDTH, 3)


def test_the_open_images_reader_takes_them(root):
    layout = drawn_layout("set", SETTINGS)
    assert list_openimages(layout, root)["split"].value_counts().to_dict() == COUNTS
    for split, path in layout.boxes.items():
        boxes = read_openimages_boxes(root / path, split)
        assert (boxes["x2"] > boxes["x1"]).all()
        assert len(boxes) == len(csv_rows(root / "drawn" / "set", split))


def test_the_voc_boxes_are_the_csv_boxes_counted_from_1_and_inclusive(folder):
    names = plain_names(folder)
    for split in COUNTS:
        wanted: dict[str, list] = {}
        for row in csv_rows(folder, split):
            x1, y1, x2, y2 = pixel_box(row)
            flags = row["IsOccluded"], row["IsTruncated"]
            wanted.setdefault(row["ImageID"], []).append((names[row["LabelName"]], x1 + 1, y1 + 1, x2, y2, *flags))
        for image_id, things in wanted.items():
            tree = ElementTree.parse(folder / "VOC2007" / "Annotations" / f"{image_id}.xml")
            objects = [
                (
                    thing.findtext("name"),
                    *(int(thing.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")),
                    thing.findtext("occluded"),
                    thing.findtext("truncated"),
                )
                for thing in tree.iter("object")
            ]
            assert objects == things
            assert (tree.findtext("size/width"), tree.findtext("size/height")) == (str(WIDTH), str(HEIGHT))


def test_voc_images_are_links_that_survive_a_move(folder):
    links = list((folder / "VOC2007" / "JPEGImages").iterdir())
    assert len(links) == sum(COUNTS.values())
    for link in links:
        assert link.is_symlink()
        assert not link.readlink().is_absolute()
        assert link.read_bytes()[:3] == b"\xff\xd8\xff"


def test_voc_sets_are_the_splits_and_trainval_joins_train_and_val(folder, root):
    sets = folder / "VOC2007" / "ImageSets" / "Main"
    ids = {name: (sets / f"{name}.txt").read_text().split() for name in ("train", "val", "trainval", "test")}
    assert {name: len(members) for name, members in ids.items()} == {"train": 6, "val": 3, "trainval": 9, "test": 4}
    assert ids["trainval"] == ids["train"] + ids["val"]
    part = VocPart(devkit="drawn/set/VOC2007", image_set="trainval")
    assert len(read_voc_boxes(part, root, "train")) == len(csv_rows(folder, "train")) + len(
        csv_rows(folder, "validation")
    )


@pytest.mark.parametrize("split", COUNTS)
def test_pycocotools_reads_the_boxes_of_the_csv(folder, split):
    coco = COCO(str(folder / "coco" / "annotations" / f"instances_{split}.json"))
    names = {kind["id"]: kind["name"] for kind in coco.loadCats(coco.getCatIds())}
    labels = plain_names(folder)
    boxes = []
    for thing in coco.loadAnns(coco.getAnnIds()):
        x, y, width, height = thing["bbox"]
        image_id = coco.imgs[thing["image_id"]]["file_name"].removesuffix(".jpg")
        boxes.append((image_id, names[thing["category_id"]], (x, y, x + width, y + height)))
    assert boxes == [(row["ImageID"], labels[row["LabelName"]], pixel_box(row)) for row in csv_rows(folder, split)]
    assert all((folder / split / image["file_name"]).is_file() for image in coco.imgs.values())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with NumPy 2
def test_polygons_cover_the_visible_masks(folder):
    value = json.loads((folder / "coco" / "annotations" / "instances_train.json").read_text())
    by_image: dict[int, list] = {}
    for thing in value["annotations"]:
        by_image.setdefault(thing["image_id"], []).append(thing)
    overlaps = []
    for index in range(SETTINGS.num_train):
        layout = plan_scene(SETTINGS, generator(SETTINGS.seed, "drawn", "train", index))[1]
        owners = [k for k, thing in enumerate(layout.things, 1) if thing.class_index is not None]
        for owner, thing in zip(owners, by_image[index + 1], strict=True):
            assert all(len(polygon) >= 6 for polygon in thing["segmentation"])
            decoded = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(thing["segmentation"], HEIGHT, WIDTH)))
            visible = layout.owner == owner
            assert thing["area"] == visible.sum()
            overlaps.append((visible & (decoded > 0)).sum() / (visible | (decoded > 0)).sum())
    assert len(overlaps) > 20
    assert np.median(overlaps) > 0.97
    assert min(overlaps) > 0.75


def test_class_maps_are_the_visible_pixels_of_each_class_in_vocs_colours(root, folder):
    """Of every object of a class alone in its scene there are as many pixels as COCO's area says, in its box."""
    mapped = list_class_maps("set", SETTINGS, root)
    assert mapped.classes[0] == "background"
    assert [len(mapped.images[split]) for split in ("train", "test")] == [9, 4]  # trainval, and test
    coco = json.loads((folder / "coco/annotations/instances_test.json").read_text())
    for image in coco["images"]:
        path = folder / "VOC2007/SegmentationClass" / image["file_name"].replace(".jpg", ".png")
        with Image.open(path) as opened:
            assert (opened.mode, opened.size) == ("P", (WIDTH, HEIGHT))
            assert opened.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
            assert opened.getpalette()[15 * 3 : 16 * 3] == [192, 128, 128]  # VOC's person
            pixels = np.array(opened)
        things = [one for one in coco["annotations"] if one["image_id"] == image["id"]]
        areas = Counter()
        for thing in things:
            areas[thing["category_id"]] += thing["area"]
        assert {index: int((pixels == index).sum()) for index in areas} == areas
        assert set(np.unique(pixels)) == {0, *areas}
        for index in areas:
            rows, columns = np.nonzero(pixels == index)
            boxes = [one["bbox"] for one in things if one["category_id"] == index]
            assert columns.min() == min(x for x, _, _, _ in boxes)
            assert rows.max() + 1 == max(y + height for _, y, _, height in boxes)
