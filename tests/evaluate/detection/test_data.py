"""Data sets in Detectron2's catalogs: the same images as our readers, and no file outside the data root."""

import json

import pytest
from detectron2.data import DatasetCatalog
from PIL import Image

from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.study.settings.datasets import CocoDataset, VocDataset

THING = "<object><name>dog</name><difficult>0</difficult><bndbox>{}</bndbox></object>"
BOX = "<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"


@pytest.fixture
def root(tmp_path):
    """A data root with two training images, one stated the other way round, and two test images, in both layouts."""
    folder = tmp_path / "data"
    kit, coco = folder / "VOC2007", folder / "coco"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (kit / name).mkdir(parents=True)
    coco.mkdir()
    stated = {"train": {"good": (40, 30), "swapped": (30, 40)}, "test": {"other": (40, 30), "same": (40, 30)}}
    for split, images in stated.items():
        (kit / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(images))
        (coco / split).mkdir()
        rows = []
        for number, (name, (width, height)) in enumerate(images.items()):
            for path in (kit / "JPEGImages", coco / split):
                Image.new("RGB", (40, 30)).save(path / f"{name}.jpg")
            text = f"<size><width>{width}</width><height>{height}</height></size>{THING.format(BOX)}"
            (kit / "Annotations" / f"{name}.xml").write_text(f"<annotation>{text}</annotation>")
            rows.append({"id": number, "file_name": f"{name}.jpg", "width": width, "height": height})
        value = {"images": rows, "annotations": [], "categories": [{"id": 1, "name": "dog"}]}
        (coco / f"{split}.json").write_text(json.dumps(value))
    return folder


def voc(**settings):
    parts = {split: [{"devkit": "VOC2007", "image_set": split}] for split in ("train", "test")}
    return register_voc, VocDataset.model_validate({"source": "voc", "parts": parts} | settings)


def coco(**settings):
    places = {split: f"coco/{split}" for split in ("train", "test")}
    instances = {split: f"{place}.json" for split, place in places.items()}
    return register_coco, CocoDataset.model_validate(
        {"source": "coco", "instances": instances, "images": places} | settings
    )


def add_image(root, name):
    """Name one more training image in both layouts."""
    image_set, instances = root / "VOC2007/ImageSets/Main/train.txt", root / "coco/train.json"
    image_set.write_text(f"{image_set.read_text()}\n{name}\n")
    value = json.loads(instances.read_text())
    value["images"].append({"id": 99, "file_name": f"{name}.jpg", "width": 40, "height": 30})
    instances.write_text(json.dumps(value))


def registered(layout, root, **settings):
    register, dataset = layout(**settings)
    names = register("some", dataset, root)
    records = [record for name in (*names.train, names.test) for record in DatasetCatalog.get(name)]
    return sorted(record["file_name"].rsplit("/", 1)[-1] for record in records)


LAYOUTS = pytest.mark.parametrize("layout", [voc, coco])


@LAYOUTS
def test_images_of_another_size_are_left_out_where_the_settings_list_them(layout, root):
    assert registered(layout, root) == ["good.jpg", "other.jpg", "same.jpg", "swapped.jpg"]
    assert registered(layout, root, size_mismatch="list") == ["good.jpg", "other.jpg", "same.jpg"]


@LAYOUTS
@pytest.mark.parametrize("name", ["../../../secret", "/etc/secret"])
def test_a_name_that_leaves_the_data_root_is_rejected(layout, root, name):
    add_image(root, name)
    for setting in (False, True):
        with pytest.raises(ValueError, match=r"data set some: .* lead outside the data root .*secret"):
            registered(layout, root, allow_links_outside=setting)


@LAYOUTS
def test_a_link_that_leaves_the_data_root_is_read_where_the_settings_allow_it(layout, root):
    Image.new("RGB", (40, 30)).save(root.parent / "far.jpg")
    for folder in ("VOC2007/JPEGImages", "coco/train"):
        (root / folder / "good.jpg").unlink()
        (root / folder / "good.jpg").symlink_to(root.parent / "far.jpg")
    with pytest.raises(ValueError, match=r"good\.jpg -> .*far\.jpg.*datasets\.some\.allow_links_outside: true"):
        registered(layout, root)
    assert "good.jpg" in registered(layout, root, allow_links_outside=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<annotation><size>", "no element found"),
        (
            f"<annotation><size><width>40</width><height>30</height></size>{THING.format('')}</annotation>",
            "bndbox/xmin",
        ),
        (
            "<annotation><size><width>40</width><height>30</height></size><object><name> </name></object></annotation>",
            "<name> is missing",
        ),
    ],
)
def test_a_damaged_xml_is_named_before_detectron2_reads_it(root, text, why, monkeypatch):
    (root / "VOC2007/Annotations/other.xml").write_text(text)
    # as for drawn scenes, whose devkit is not listed before
    monkeypatch.setattr("objectcrop.evaluate.detection.data._checked", lambda *_: frozenset())
    with pytest.raises(ValueError, match=rf"Annotations/other\.xml: is not of the form of VOC annotations .*{why}"):
        registered(voc, root)
