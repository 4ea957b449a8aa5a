"""FGVC-Aircraft, CUB-200-2011 and Stanford Cars: one named object an image."""

import numpy as np
import pytest
from scipy.io import savemat

from objectcrop.data.manifest import index_dataset
from objectcrop.data.readers.registry import list_images, parse_dataset, read_labels
from objectcrop.data.readers.text_lists import read_list
from objectcrop.evaluate.linear.images import labelled_images, training_classes
from objectcrop.tables import ANNOTATIONS, check
from tests.data.readers.fine_grained import (
    AIRCRAFT,
    CAR_FIELDS,
    CARS,
    CUB,
    write_aircraft,
    write_annotations,
    write_cars,
    write_cub,
)

AIR = parse_dataset({"source": "fgvc_aircraft", "folder": "air"})
BIRDS = parse_dataset({"source": "cub", "folder": "birds"})
CARS_SET = parse_dataset({"source": "stanford_cars", "folder": "cars"})


def rows(dataset, root) -> dict[str, tuple]:
    """(class, split, rounded corners) by image id, as the annotations hold them."""
    boxes = check(read_labels("mine", dataset, root)[0], ANNOTATIONS, where="test")
    assert not boxes[["is_group_of", "is_crowd", "is_depiction"]].to_numpy().any()
    corners = boxes[["x1", "y1", "x2", "y2"]].to_numpy().round(6).tolist()
    return {
        image_id: (class_id, split, corner)
        for image_id, class_id, split, corner in zip(
            boxes["image_id"], boxes["class_id"], boxes["split"], corners, strict=True
        )
    }


def listed(dataset, root) -> list[list[str]]:
    return list_images("mine", dataset, root).to_numpy().tolist()


def approx(*corners: float):
    return pytest.approx(list(corners), abs=1e-6)


def test_aircraft_are_named_by_variant_and_boxed_in_inclusive_pixels_from_one(tmp_path):
    assert rows(AIR, write_aircraft(tmp_path)) == {
        "0034958": ("707-320", "train", approx(0.1, 0.1, 0.2, 0.2)),
        "0034309": ("DHC-8-100", "train", approx(0, 0, 1, 0.6)),  # the banner, rows 31 to 50, is below the box
        "0037511": ("707-320", "test", approx(0.01, 0.02, 0.03, 0.06)),
    }
    assert listed(AIR, tmp_path) == [
        ["0037511", "air/images/0037511.jpg", "test"],
        ["0034309", "air/images/0034309.jpg", "train"],
        ["0034958", "air/images/0034958.jpg", "train"],
    ]


def test_aircraft_can_be_named_by_manufacturer_with_spaces_in_the_name(tmp_path):
    dataset = parse_dataset({"source": "fgvc_aircraft", "folder": "air", "level": "manufacturer"})
    labels = rows(dataset, write_aircraft(tmp_path))
    assert {image_id: row[0] for image_id, row in labels.items()} == {
        "0034958": "Boeing",
        "0034309": "de Havilland",
        "0037511": "Boeing",
    }


def test_birds_have_the_split_class_and_box_of_their_number(tmp_path):
    assert rows(BIRDS, write_cub(tmp_path)) == {
        "001.Albatross/Albatross_0046": ("001.Albatross", "train", approx(0.1, 0.1, 0.5, 0.5)),
        "002.Auk/Auk_0009": ("002.Auk", "test", approx(0, 0, 1, 1)),
    }
    assert listed(BIRDS, tmp_path)[1] == [
        "001.Albatross/Albatross_0046",
        "birds/images/001.Albatross/Albatross_0046.jpg",
        "train",
    ]


def test_cars_of_both_splits_have_ids_that_differ_though_their_files_have_one_name(tmp_path):
    assert rows(CARS_SET, write_cars(tmp_path)) == {
        "cars_train/00001": ("Audi TT RS Coupe 2012", "train", approx(0, 0, 1, 1)),
        "cars_train/00002": ("Acura TL Sedan 2012", "train", approx(0.1, 0.1, 0.2, 0.2)),
        "cars_test/00001": ("Audi TT RS Coupe 2012", "test", approx(0.01, 0.02, 0.03, 0.06)),
    }
    assert listed(CARS_SET, tmp_path)[0] == ["cars_test/00001", "cars/cars_test/00001.jpg", "test"]


def test_an_image_that_cannot_be_opened_leaves_its_box_out_and_stays_listed(tmp_path, capsys):
    (write_cub(tmp_path) / "birds/images/001.Albatross/Albatross_0046.jpg").write_text("broken")
    assert list(rows(BIRDS, tmp_path)) == ["002.Auk/Auk_0009"]
    assert "1 image(s) cannot be opened, first birds/images/001.Albatross" in capsys.readouterr().out
    assert len(listed(BIRDS, tmp_path)) == 2


def test_an_image_of_two_aircraft_lists_is_rejected(tmp_path):
    (write_aircraft(tmp_path) / "air/images_variant_test.txt").write_text("0034958 707-320\n")
    with pytest.raises(ValueError, match=r"image id '0034958' names 2 images .*one split"):
        list_images("mine", AIR, tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("images_box.txt", "0034309 1 1 102 30", r"images_box\.txt, line 1: the box is outside the image"),
        ("images_box.txt", "0034309 1 1 x 30", r"images_box\.txt, line 1: expected numbers, got '1 1 x 30'"),
        ("images_box.txt", "0034309 9 1 5 30", r"images_box\.txt, line 1: the box is inverted"),
        ("images_box.txt", "7777777 1 1 2 2", r"images_box\.txt: lacks 1 image\(s\), first '0034309'"),
        ("images_variant_trainval.txt", "0034309", r"trainval\.txt, line 1: expected <image> <variant>, got '0034309'"),
        ("images_variant_trainval.txt", "0034309 A", r"trainval\.txt, line 2: image '0034309' occurs more than once"),
    ],
)
def test_a_wrong_line_about_aircraft_is_named(tmp_path, file, line, message):
    write_aircraft(tmp_path)
    (tmp_path / "air" / file).write_text("\n".join([line, *AIRCRAFT[file].splitlines()[1:]]))
    with pytest.raises(ValueError, match=message):
        read_labels("mine", AIR, tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("bounding_boxes.txt", "1 70.0 5.0 40.0 20.0", r"bounding_boxes\.txt, line 1: the box is outside"),
        ("bounding_boxes.txt", "1 70.0 5.0 40.0", r"bounding_boxes\.txt, line 1: expected <image> <x> <y> <width>"),
        ("image_class_labels.txt", "1 9", r"image_class_labels\.txt, line 1: class '9' is not in .*classes\.txt"),
        (
            "train_test_split.txt",
            "1 2",
            r"train_test_split\.txt, line 1: expected 1 \(training\) or 0 \(test\), got '2'",
        ),
        ("train_test_split.txt", "", r"train_test_split\.txt: lacks 1 image\(s\), first '1'"),
        ("images.txt", "", r"image_class_labels\.txt, line 1: image '1' is not in .*images\.txt"),
    ],
)
def test_a_wrong_line_about_birds_is_named(tmp_path, file, line, message):
    write_cub(tmp_path)
    (tmp_path / "birds" / file).write_text("\n".join([line, *CUB[file].splitlines()[1:]]))
    with pytest.raises(ValueError, match=message):
        read_labels("mine", BIRDS, tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ((1, 1, 103, 50, 2, "00001.jpg"), "entry 1: the box is outside the image"),
        ((1, 1, 100, 50, 3, "00001.jpg"), "entry 1: class 3 is not one of the 2 of devkit/cars_meta"),
        ((1, 1, 100, 50, 1.5, "00001.jpg"), "entry 1: class 1.5 is not one of the 2 of devkit/cars_meta"),
        (("x", 1, 100, 50, 1, "00001.jpg"), "entry 1: expected a number, got .*'x'"),
        ((1, 1, 100, 50, 0, "00001.jpg"), "entry 1: class 0 is not one of the 2 of devkit/cars_meta"),
    ],
)
def test_a_wrong_entry_about_cars_is_named(tmp_path, entry, message):
    train = write_cars(tmp_path) / "cars/devkit/cars_train_annos.mat"
    write_annotations(train, [entry, CARS["devkit/cars_train_annos.mat"][1]])
    with pytest.raises(ValueError, match=rf"cars_train_annos\.mat, {message}"):
        read_labels("mine", CARS_SET, tmp_path)


def test_a_matlab_file_that_is_not_of_the_form_is_named(tmp_path):
    test = write_cars(tmp_path) / "cars/cars_test_annos_withlabels.mat"
    write_annotations(test, [(1, 1, 2, 2, "00001.jpg")], fields=[*CAR_FIELDS[:4], CAR_FIELDS[5]])
    with pytest.raises(ValueError, match=r"withlabels\.mat: the annotations lack \['class'\]; test labels are in"):
        read_labels("mine", CARS_SET, tmp_path)
    savemat(test, {"other": np.zeros(3)})
    with pytest.raises(ValueError, match=r"withlabels\.mat: holds no variable 'annotations'"):
        read_labels("mine", CARS_SET, tmp_path)
    for text in (b"", b"no MATLAB file", b"MATLAB 5.0" + b"\0" * 300):
        test.write_bytes(text)
        with pytest.raises(ValueError, match=r"withlabels\.mat: cannot be read as a MATLAB file"):
            read_labels("mine", CARS_SET, tmp_path)


def test_every_cut_of_a_matlab_file_is_one_error(tmp_path):
    test = write_cars(tmp_path) / "cars/cars_test_annos_withlabels.mat"
    whole = test.read_bytes()
    for length in range(0, len(whole) - 8, 7):  # the last eight bytes are padding
        test.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"withlabels\.mat"):
            list_images("mine", CARS_SET, tmp_path)


def test_a_list_may_have_a_byte_order_mark_crlf_and_blank_lines_but_not_nothing(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffa first name\r\n\r\nb  second\r\n".encode())
    records = read_list(path, ("key", "name"))
    assert {key: (line.fields, line.place) for key, line in records.items()} == {
        "a": (("first name",), f"{path}, line 1"),
        "b": (("second",), f"{path}, line 3"),
    }
    path.write_text("\n\n")
    with pytest.raises(ValueError, match=r"list\.txt: the list is empty"):
        read_list(path, ("key", "name"))
    path.write_bytes(b"a \xff\n")
    with pytest.raises(ValueError, match=r"list\.txt: is no UTF-8 text"):
        read_list(path, ("key", "name"))


@pytest.mark.parametrize(
    ("dataset", "write"),
    [(AIR, write_aircraft), (BIRDS, write_cub), (CARS_SET, write_cars)],
    ids=["air", "birds", "cars"],
)
def test_indexed_images_have_the_one_label_that_a_linear_task_of_single_labels_needs(tmp_path, dataset, write):
    manifest = index_dataset("mine", dataset, write(tmp_path)).manifest
    boxes, _ = read_labels("mine", dataset, tmp_path)
    classes = training_classes(manifest, boxes)
    images = labelled_images(manifest, boxes, tmp_path, "train", classes)
    by_id = dict(zip(boxes["image_id"], boxes["class_id"], strict=True))
    assert [classes[label] for label in images.classes_of_single] == [by_id[image_id] for image_id in images.ids]
