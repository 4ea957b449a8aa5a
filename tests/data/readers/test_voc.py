"""VOC devkits."""

import numpy as np
import pytest

from objectcrop.data.readers.voc import list_voc, read_image_set, read_voc_boxes
from objectcrop.study.settings.datasets import VocDataset, VocPart
from objectcrop.tables import ANNOTATIONS, check

PART = VocPart(devkit="kit/VOC2007", image_set="train")


def thing(name: str, corners: str, difficult: str = "", inside: str = "") -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners.split(), strict=True)
    box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
    return f"<object><name>{name}</name>{difficult}<bndbox>{box}</bndbox>{inside}</object>"


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit" / "VOC2007"
    for name in ["JPEGImages", "Annotations", "ImageSets/Main"]:
        (folder / name).mkdir(parents=True)
    (folder / "ImageSets/Main/train.txt").write_text("000002\n000001  1\n\n")

    def write(image_id: str, *things: str, size: str = "<width>100</width><height>50</height>"):
        text = f"<annotation><size>{size}</size>{''.join(things)}</annotation>"
        (folder / "Annotations" / f"{image_id}.xml").write_text(text)
        return tmp_path

    write("000002")
    return write


def test_inclusive_pixels_from_one_become_half_open_shares(kit):
    root = kit("000001", thing("dog", "1 1 100 50"), thing("cat", "11 6 20 10", "<difficult>1</difficult>"))
    boxes = check(read_voc_boxes(PART, root, "train"), ANNOTATIONS, where="test")
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy() == pytest.approx(np.array([[0, 0, 1, 1], [0.1, 0.1, 0.2, 0.2]]))
    assert boxes["is_crowd"].tolist() == [False, True]
    assert boxes["source"].tolist() == ["voc2007"] * 2


def test_parts_of_a_person_are_no_objects(kit):
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    root = kit("000001", thing("person", "1 1 10 10", inside=part))
    assert read_voc_boxes(PART, root, "train")["class_id"].tolist() == ["person"]


def test_a_zero_based_file_is_clipped_by_its_one_pixel_and_two_are_rejected(kit):
    root = kit("000001", thing("dog", "0 0 100 50"))
    assert read_voc_boxes(PART, root, "train")[["x1", "y1"]].to_numpy().tolist() == [[0, 0]]
    root = kit("000001", thing("dog", "-1 1 100 50"))
    with pytest.raises(ValueError, match=r"000001\.xml: the box is outside the image"):
        read_voc_boxes(PART, root, "train")


def test_images_of_the_image_set_are_listed_in_order_of_id(kit):
    listing = list_voc(VocDataset(source="voc", parts={"train": (PART,)}), kit("000001"))
    assert listing["path"].tolist() == ["kit/VOC2007/JPEGImages/000001.jpg", "kit/VOC2007/JPEGImages/000002.jpg"]


def test_a_set_without_objects_has_no_boxes(kit):
    assert len(check(read_voc_boxes(PART, kit("000001"), "train"), ANNOTATIONS, where="test")) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (thing("dog", "1 1 x 50"), "could not convert string to float: 'x'"),
        ("<object><name>dog</name></object>", "<bndbox/xmin> is missing"),
        ("<object>", "mismatched tag"),
        (thing("dog", "20 1 10 50"), "the box is inverted"),
    ],
)
def test_a_file_that_is_not_of_the_form_is_named(kit, text, message):
    root = kit("000001", text)
    with pytest.raises(ValueError, match=rf"000001\.xml.*{message}"):
        read_voc_boxes(PART, root, "train")


def test_a_size_of_nothing_is_rejected(kit):
    root = kit("000001", thing("dog", "1 1 2 2"), size="<width>0</width><height>50</height>")
    with pytest.raises(ValueError, match=r"000001\.xml: .*\(the image's size is \(0\.0, 50\.0\)"):
        read_voc_boxes(PART, root, "train")


def test_a_missing_set_names_those_there_are_and_a_missing_xml_its_path(kit):
    root = kit("000001")
    message = r"test\.txt: there is no such image set; name one of train as image_set"
    with pytest.raises(FileNotFoundError, match=message):
        read_voc_boxes(VocPart(devkit="kit/VOC2007", image_set="test"), root, "test")
    (root / "kit/VOC2007/Annotations/000001.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"000001\.xml"):
        read_voc_boxes(PART, root, "train")


def test_of_the_set_of_a_class_only_the_images_that_show_it_are_listed(kit):
    root = kit("000001")
    folder = root / "kit/VOC2007/ImageSets/Main"
    (folder / "dog_train.txt").write_text("000001 -1\n000002  0\n000003  1\n")
    assert read_image_set(VocPart(devkit="kit/VOC2007", image_set="dog_train"), root) == ["000002", "000003"]


def test_an_image_that_stands_twice_in_a_set_is_named_with_its_line(kit):
    root = kit("000001")
    (root / "kit/VOC2007/ImageSets/Main/train.txt").write_text("000001\n000002\n\n000001\n")
    with pytest.raises(ValueError, match=r"train\.txt, line 4: image '000001' occurs more than once"):
        read_image_set(PART, root)


def test_a_folder_that_is_no_devkit_is_named_with_what_was_expected_and_what_it_holds(kit):
    root = kit("000001")
    message = r"kit: is no VOC devkit: expected the folders JPEGImages, Annotations, ImageSets/Main, but .* it holds VOC2007; name"
    with pytest.raises(FileNotFoundError, match=message):
        read_image_set(VocPart(devkit="kit", image_set="train"), root)
    (root / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty: is no VOC devkit: .* and it is empty"):
        read_image_set(VocPart(devkit="empty", image_set="train"), root)


def test_a_devkit_without_image_sets_says_which_was_expected_where(kit):
    root = kit("000001")
    (root / "kit/VOC2007/ImageSets/Main/train.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"ImageSets/Main: expected image sets such as train\.txt, .* no \.txt"):
        read_image_set(PART, root)


def test_an_image_without_xml_states_no_size_and_one_of_another_form_is_named(kit):
    root = kit("000001", size="<width>nan</width><height>50</height>")
    voc = VocDataset(source="voc", parts={"train": (PART,)})
    with pytest.raises(
        ValueError, match=r"000001\.xml: is not of the form of VOC annotations \(the image's size is \(nan, 50"
    ):
        list_voc(voc, root)
    (root / "kit/VOC2007/Annotations/000001.xml").unlink()
    assert list_voc(voc, root)["stated_width_px"].isna().tolist() == [True, False]
