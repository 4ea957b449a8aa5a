"""Class maps of ADE20K and of VOC devkits: which images, which classes, and what is wrong with a file."""

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.class_maps import IGNORED, VOC_CLASSES, list_class_maps
from objectcrop.study.settings.datasets import Ade20kDataset, CocoDataset, VocDataset, VocPart

ADE = Ade20kDataset(source="ade20k", folder="ADE")
PARTS = {
    split: (VocPart(devkit="kit/VOC2012", image_set=name),) for split, name in (("train", "train"), ("test", "val"))
}
VOC = VocDataset(source="voc", parts=PARTS)
SIZE = (10, 8)


def save(path, values, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette:
        image.putpalette([value for index in range(256) for value in (index, 255 - index, 0)])
    image.save(path)


@pytest.fixture
def root(tmp_path):
    """An image of 10 x 8 pixels in each split of both layouts; its map has indices 0, 1 and 2, VOC's also 20 and 255."""
    values = np.zeros((8, 10), dtype=np.uint8)
    values[2:4], values[4] = 1, 2
    ade, kit = tmp_path / "ADE", tmp_path / "kit/VOC2012"
    for part in ("training", "validation"):
        save(ade / "images" / part / f"{part}1.jpg", np.zeros((8, 10, 3), dtype=np.uint8))
        save(ade / "annotations" / part / f"{part}1.png", values)
    (ade / "objectInfo150.txt").write_text("Idx\tName\n1\twall\n2\tsky")
    values = values.copy()
    values[6], values[7] = 20, 255
    for name, image_id in (("train", "2007_01"), ("val", "2007_02")):
        save(kit / "JPEGImages" / f"{image_id}.jpg", np.zeros((8, 10, 3), dtype=np.uint8))
        save(kit / "SegmentationClass" / f"{image_id}.png", values, palette=True)
        (kit / "ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (kit / "ImageSets/Segmentation" / f"{name}.txt").write_text(f"{image_id}\n")
    return tmp_path


def test_classes_of_ade20k_are_those_of_its_list_and_0_is_none(root):
    mapped = list_class_maps("ade", ADE, root)
    assert mapped.classes == {1: "wall", 2: "sky"}
    (image,) = mapped.images["test"]
    assert image.image_id == "validation1"
    targets = mapped.read_targets(image, SIZE)
    assert targets[:, 0].tolist() == [IGNORED, IGNORED, 0, 0, 1, IGNORED, IGNORED, IGNORED]


def test_classes_of_voc_are_background_and_its_twenty_and_255_is_none(root):
    mapped = list_class_maps("voc", VOC, root)
    assert list(mapped.classes.values()) == ["background", *VOC_CLASSES]
    assert len(mapped.classes) == 21
    assert [one.image_id for one in mapped.images["train"]] == ["2007_01"]
    targets = mapped.read_targets(mapped.images["train"][0], SIZE)
    assert targets[:, 0].tolist() == [0, 0, 1, 1, 2, 0, 20, IGNORED]


WRONG = {
    "missing": (None, "the class map of this image is not there; get the whole data set"),
    "size": (np.zeros((8, 11), np.uint8), r"the class map is 11 x 8, its image 10 x 8 pixels; .*size_mismatch: list"),
    "index": (np.full((8, 10), 77, np.uint8), r"index\(es\) \[77\] are no class: expected \d to \d+, or"),
    "colours": (
        np.zeros((8, 10, 3), np.uint8),
        r"cannot be decoded \(its mode is RGB, expected 8-bit grey \(L\) or a palette",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize(
    ("dataset", "file"),
    [(ADE, "ADE/annotations/training/training1.png"), (VOC, "kit/VOC2012/SegmentationClass/2007_01.png")],
)
def test_a_wrong_class_map_is_named(root, dataset, file, kind):
    values, message = WRONG[kind]
    (root / file).unlink()
    if values is not None:
        save(root / file, values)
    mapped = list_class_maps("set", dataset, root)
    with pytest.raises(ValueError, match=rf"{file}: {message}"):
        mapped.read_targets(mapped.images["train"][0], SIZE)


def test_images_of_another_size_are_left_out_where_the_settings_list_them(root):
    folder = root / "ADE"
    save(folder / "images/training/other.jpg", np.zeros((8, 10, 3), dtype=np.uint8))
    save(folder / "annotations/training/other.png", np.zeros((10, 8), dtype=np.uint8))
    listed = ADE.model_copy(update={"size_mismatch": "list"})
    assert [one.image_id for one in list_class_maps("ade", ADE, root).images["train"]] == ["other", "training1"]
    assert [one.image_id for one in list_class_maps("ade", listed, root).images["train"]] == ["training1"]


def test_a_devkit_without_class_maps_is_named(root):
    (root / "kit/VOC2012/SegmentationClass/2007_01.png").unlink()
    (root / "kit/VOC2012/SegmentationClass/2007_02.png").unlink()
    (root / "kit/VOC2012/SegmentationClass").rmdir()
    (root / "kit/VOC2012/ImageSets/Segmentation/val.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match="expected the folders JPEGImages, SegmentationClass, ImageSets/Segmentation"
    ):
        list_class_maps("voc", VOC, root)


def test_a_split_that_is_not_there_is_named(root):
    voc = VocDataset(source="voc", parts={"train": PARTS["train"]})
    with pytest.raises(ValueError, match=r"datasets\.voc: no image with a class map in split\(s\) test; add them"):
        list_class_maps("voc", voc, root)


def test_a_layout_without_class_maps_is_rejected(root):
    coco = CocoDataset(source="coco", instances={"train": "a"}, images={"train": "b"})
    with pytest.raises(ValueError, match=r"datasets\.c: class maps need source ade20k, voc or drawn, got coco"):
        list_class_maps("c", coco, root)


def test_a_name_that_leads_outside_the_data_root_is_rejected(root):
    (root / "kit/VOC2012/ImageSets/Segmentation/train.txt").write_text("../../../../elsewhere\n")
    with pytest.raises(ValueError, match="lead outside the data root"):
        list_class_maps("voc", VOC, root)
