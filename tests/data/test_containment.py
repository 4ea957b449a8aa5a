"""No file outside the data root is read: in every layout, for images and annotation files."""

import json
import os
import shutil

import pytest
from PIL import Image
from pydantic import ValidationError

from objectcrop.data.containment import require_inside
from objectcrop.data.manifest import index_dataset
from objectcrop.data.readers.registry import list_images, parse_dataset, read_labels
from tests.data.readers.fine_grained import AIRCRAFT, CUB, write_aircraft, write_annotations, write_cars, write_cub

HEADER = "ImageID,Source,LabelName,XMin,XMax,YMin,YMax,IsGroupOf,IsDepiction\n"


def draw(path, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (100, 50)).save(path)


def write_coco(root, name="a.jpg"):
    draw(root / "coco/train/a.jpg")
    image = {"id": 1, "file_name": name, "width": 100, "height": 50}
    (root / "coco/train.json").write_text(json.dumps({"images": [image], "annotations": [], "categories": []}))


def write_voc(root, name="a"):
    for folder in ("Annotations", "ImageSets/Main"):
        (root / "VOC2007" / folder).mkdir(parents=True, exist_ok=True)
    draw(root / "VOC2007/JPEGImages/a.jpg")
    (root / "VOC2007/ImageSets/Main/train.txt").write_text(f"{name}\n")
    size = "<size><width>100</width><height>50</height></size>"
    (root / "VOC2007/Annotations/a.xml").write_text(f"<annotation>{size}</annotation>")


def write_openimages(root):
    draw(root / "oi/train/a.jpg")
    (root / "oi/boxes.csv").write_text(f"{HEADER}a,s,/m/1,0,1,0,1,0,0\n")
    (root / "oi/classes.csv").write_text("/m/1,One\n")


def write_ade20k(root):
    draw(root / "ADE/images/training/a.jpg")
    draw(root / "ADE/annotations/training/a.png", "L")
    (root / "ADE/objectInfo150.txt").write_text("Idx\tName\n1\twall\n")


OPENIMAGES = {
    "source": "openimages",
    "boxes": {"train": "oi/boxes.csv"},
    "class_descriptions": "oi/classes.csv",
    "images": {"train": "oi/train"},
}
LAYOUTS = {
    "coco": (
        {"source": "coco", "instances": {"train": "coco/train.json"}, "images": {"train": "coco/train"}},
        write_coco,
        ["coco/train/a.jpg", "coco/train.json", "coco/train"],
    ),
    "voc": (
        {"source": "voc", "parts": {"train": [{"devkit": "VOC2007", "image_set": "train"}]}},
        write_voc,
        ["VOC2007/JPEGImages/a.jpg", "VOC2007/Annotations/a.xml", "VOC2007/ImageSets/Main/train.txt", "VOC2007"],
    ),
    "openimages": (OPENIMAGES, write_openimages, ["oi/train/a.jpg", "oi/boxes.csv", "oi/classes.csv", "oi/train"]),
    "nested": (OPENIMAGES | {"nested_images": True}, write_openimages, ["oi/train/a.jpg", "oi/train"]),
    "folder": (
        {"source": "folder", "images": "p"},
        lambda root: draw(root / "p/sub/a.jpg"),
        ["p/sub/a.jpg", "p/sub", "p"],
    ),
    "image_folders": (
        {"source": "image_folders", "images": {"train": "p"}},
        lambda root: draw(root / "p/dog/a.jpg"),
        ["p/dog/a.jpg", "p/dog", "p"],
    ),
    "ade20k": (
        {"source": "ade20k", "folder": "ADE", "parts": {"train": "training"}},
        write_ade20k,
        ["ADE/images/training/a.jpg", "ADE/annotations/training/a.png", "ADE/objectInfo150.txt", "ADE"],
    ),
    "fgvc_aircraft": (
        {"source": "fgvc_aircraft", "folder": "air"},
        write_aircraft,
        ["air/images/0034309.jpg", "air/images_box.txt", "air"],
    ),
    "cub": (
        {"source": "cub", "folder": "birds"},
        write_cub,
        ["birds/images/002.Auk/Auk_0009.jpg", "birds/images/002.Auk", "birds/classes.txt"],
    ),
    "stanford_cars": (
        {"source": "stanford_cars", "folder": "cars"},
        write_cars,
        ["cars/cars_train/00001.jpg", "cars/devkit/cars_meta.mat", "cars/cars_test"],
    ),
}
NOT_OPENED_FOR_LABELS = {
    *(("coco", "coco/train/a.jpg"), ("openimages", "oi/train/a.jpg"), ("nested", "oi/train/a.jpg")),
    *(("folder", "p/sub/a.jpg"), ("folder", "p/sub"), ("image_folders", "p/dog/a.jpg")),
}
CASES = [(name, place) for name, (_, _, places) in LAYOUTS.items() for place in places]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def moved_out(root, place):
    """Move a file or folder out of the data root and leave a link."""
    target = root.parent / "outside" / os.path.basename(place)
    target.parent.mkdir(exist_ok=True)
    shutil.move(root / place, target)
    (root / place).symlink_to(target)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_link_out_of_the_data_root_is_rejected_unless_a_setting_allows_it(root, name, place):
    value, write, _ = LAYOUTS[name]
    write(root)
    before = index_dataset("mine", parse_dataset(value), root).manifest
    moved_out(root, place)
    with pytest.raises(ValueError, match=r"outside the data root .*allow_links_outside: true") as rejected:
        list_images("mine", parse_dataset(value), root)
    assert str(root.parent / "outside") in str(rejected.value)
    allowed = index_dataset("mine", parse_dataset(value | {"allow_links_outside": True}), root).manifest
    assert allowed.equals(before)


@pytest.mark.parametrize(("name", "place"), [case for case in CASES if case not in NOT_OPENED_FOR_LABELS])
def test_reading_labels_opens_nothing_outside_either(root, name, place):
    value, write, _ = LAYOUTS[name]
    write(root)
    moved_out(root, place)
    with pytest.raises(ValueError, match="outside the data root"):
        read_labels("mine", parse_dataset(value), root)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_data_root_itself_and_links_within_it_may_be_links(root, name):
    value, write, places = LAYOUTS[name]
    write(root)
    kept = root / "elsewhere" / os.path.basename(places[0])
    kept.parent.mkdir()
    shutil.move(root / places[0], kept)
    (root / places[0]).symlink_to(kept)
    (root.parent / "link").symlink_to(root)
    assert len(index_dataset("mine", parse_dataset(value), root.parent / "link").manifest) > 0


def name_in_cub(root, name):
    write_cub(root)
    (root / "birds/images.txt").write_text(CUB["images.txt"].replace("001.Albatross/Albatross_0046", name))


def name_in_aircraft(root, name):
    write_aircraft(root)
    for file, text in AIRCRAFT.items():
        (root / "air" / file).write_text(text.replace("0034309", name))


def name_in_cars(root, name):
    write_cars(root)
    write_annotations(root / "cars/devkit/cars_train_annos.mat", [(1, 1, 100, 50, 2, f"{name}.jpg")])


NAMING = {
    "coco": lambda root, name: write_coco(root, f"{name}.jpg"),
    "voc": write_voc,
    "cub": name_in_cub,
    "fgvc_aircraft": name_in_aircraft,
    "stanford_cars": name_in_cars,
}


@pytest.mark.parametrize("layout", NAMING)
@pytest.mark.parametrize("name", ["../../../../secret", "{outside}/secret", "x/../../../../../secret"])
@pytest.mark.parametrize("allowed", [False, True])
def test_a_name_that_leaves_the_data_root_is_rejected_whatever_is_set(root, layout, name, allowed):
    draw(root.parent / "secret.jpg")
    NAMING[layout](root, name.format(outside=root.parent))
    dataset = parse_dataset(LAYOUTS[layout][0] | {"allow_links_outside": allowed})
    with pytest.raises(ValueError, match=r"data set mine: .* lead outside the data root .*secret.*correct the files"):
        list_images("mine", dataset, root)
    if layout != "coco":  # whose labels are all in the JSON
        with pytest.raises(ValueError, match=r"lead outside the data root .*secret"):
            read_labels("mine", dataset, root)


def test_a_name_that_leaves_its_folder_and_stays_in_the_data_root_is_read(root):
    draw(root / "shared/b.jpg")
    write_coco(root, "../../shared/b.jpg")
    manifest = index_dataset("mine", parse_dataset(LAYOUTS["coco"][0]), root).manifest
    assert manifest["path"].tolist() == ["coco/train/../../shared/b.jpg"]


def test_dots_after_an_allowed_link_do_not_lead_further(root):
    """Text alone would say that `coco/train/../secret.jpg` is in `coco`."""
    draw(root.parent / "outside/secret.jpg")
    write_coco(root, "../secret.jpg")
    moved_out(root, "coco/train")
    with pytest.raises(ValueError, match=r"train/\.\./secret\.jpg -> .*outside/secret\.jpg"):
        list_images("mine", parse_dataset(LAYOUTS["coco"][0] | {"allow_links_outside": True}), root)


def test_five_paths_are_named_and_all_are_counted(root):
    paths = [f"../{number}.jpg" for number in range(7)]
    with pytest.raises(ValueError, match=r"7 path\(s\) .*'\.\./4\.jpg', \.\.\.\)") as rejected:
        require_inside(paths, root, name="mine", allow_links_outside=False)
    assert "5.jpg" not in str(rejected.value)


@pytest.mark.parametrize("path", ["/abs/olute", "../up", "a/../../up", "..", "nul\0"])
def test_settings_that_leave_the_data_root_are_rejected_before_anything_runs(path):
    values = [
        {"source": "folder", "images": path},
        {"source": "voc", "parts": {"train": [{"devkit": path, "image_set": "train"}]}},
        {"source": "voc", "parts": {"train": [{"devkit": "kit", "image_set": path}]}},
        {"source": "coco", "instances": {"train": path}, "images": {}},
        OPENIMAGES | {"boxes": {"train": path}},
        {"source": "cub", "folder": path},
        {"source": "released_ohms", "of": "oi", "train_labels": path},
    ]
    for value in values:
        with pytest.raises(ValidationError, match="expected a path below the data root"):
            parse_dataset(value)
    assert parse_dataset({"source": "folder", "images": "a/../b..c"})
