"""Any data set by its settings."""

import json

import pandas as pd
import pytest

from objectcrop.data.readers.registry import join_labels, list_images, parse_dataset, read_labels
from objectcrop.data.relative_boxes import count_train_images
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.home_pages import HOME_PAGES
from objectcrop.tables import ANNOTATIONS, CLASSES, check, empty_table

COCO = {
    "source": "coco",
    "instances": {"train": "a.json", "validation": "b.json"},
    "images": {"train": "a", "validation": "b"},
}
DATASETS = {
    "openimages": {
        "source": "openimages",
        "boxes": {"train": "train.csv"},
        "class_descriptions": "names.csv",
        "images": {"train": "train"},
    },
    "coco": COCO,
    "voc": {"source": "voc", "parts": {"train": [{"devkit": "VOC2007", "image_set": "trainval"}]}},
    "folder": {"source": "folder", "images": "images"},
    "image_folders": {"source": "image_folders", "images": {"train": "in/train", "validation": "in/val"}},
    "flat": {
        "source": "image_folders",
        "images": {"train": "in/train", "validation": "in/val"},
        "flat_labels": {"validation": "in/labels.csv"},
    },
    "ade20k": {"source": "ade20k", "folder": "ADE"},
    "fgvc_aircraft": {"source": "fgvc_aircraft", "folder": "air", "level": "family"},
    "cub": {"source": "cub", "folder": "birds"},
    "stanford_cars": {"source": "stanford_cars", "folder": "cars"},
    "drawn": {"source": "drawn", "num_validation": 5},
}
MISSING = {
    "openimages": ["train.csv", "names.csv", "train"],
    "coco": ["a.json", "b.json", "a", "b"],
    "voc": ["VOC2007"],
    "folder": ["images"],
    "image_folders": ["in/train", "in/val"],
    "flat": ["in/train", "in/val", "in/labels.csv"],
    "ade20k": ["ADE/objectInfo150.txt", "ADE/images/training", "ADE/annotations/validation"],
    "fgvc_aircraft": [
        "air/images_box.txt",
        "air/images_family_trainval.txt",
        "air/images_family_test.txt",
        "air/images",
    ],
    "cub": ["birds/images.txt", "birds/bounding_boxes.txt", "birds/images"],
    "stanford_cars": ["cars/devkit/cars_meta.mat", "cars/cars_test_annos_withlabels.mat", "cars/cars_train"],
    "drawn": ["drawn/mine/validation-annotations-bbox.csv", "drawn/mine/class-descriptions-boxable.csv"],
}


@pytest.mark.parametrize("source", DATASETS)
@pytest.mark.parametrize("read", [list_images, read_labels])
def test_one_message_names_everything_that_is_missing(tmp_path, source, read):
    with pytest.raises(FileNotFoundError) as caught:
        read("mine", parse_dataset(DATASETS[source]), tmp_path)
    for location in MISSING[source]:
        assert str(tmp_path / location) in str(caught.value)
    assert "correct datasets.mine" in str(caught.value)
    hints = {"drawn": "run draw_scenes", "folder": "put the data there,", "flat": "image-net.org"}
    assert hints.get(source, f"(get it from {HOME_PAGES.get(source)})") in str(caught.value)


def test_an_id_in_two_splits_is_rejected(tmp_path):
    image = {"id": 1, "file_name": "1.jpg", "width": 4, "height": 4}
    for split in "ab":
        (tmp_path / split).mkdir()
        text = json.dumps({"images": [image], "annotations": [], "categories": []})
        (tmp_path / f"{split}.json").write_text(text)
    with pytest.raises(ValueError, match=r"image id '1' names 2 images \(a/1\.jpg, b/1\.jpg\)"):
        list_images("mine", parse_dataset(COCO), tmp_path)


def test_a_folder_without_labels_has_empty_tables(tmp_path):
    (tmp_path / "images").mkdir()
    labels = read_labels("mine", parse_dataset(DATASETS["folder"]), tmp_path)
    classes = count_train_images(*labels)
    assert len(check(labels.boxes, ANNOTATIONS, where="test")) == len(check(classes, CLASSES, where="test")) == 0


def test_a_class_without_description_is_named_with_the_file(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "names.csv").write_text("/m/1,One\n")
    columns = "ImageID,Source,LabelName,XMin,XMax,YMin,YMax,IsGroupOf,IsDepiction"
    (tmp_path / "train.csv").write_text(f"{columns}\na,s,/m/2,0,1,0,1,0,0\n")
    with pytest.raises(ValueError, match=r"names\.csv: 1 class\(es\) have boxes but no description, first '/m/2'"):
        read_labels("mine", parse_dataset(DATASETS["openimages"]), tmp_path)


@pytest.mark.parametrize("source", ["ohms", "union"])
def test_a_data_set_made_of_others_has_no_files_of_its_own(tmp_path, source):
    value = {"source": "ohms", "of": "base"} if source == "ohms" else {"source": "union", "parts": ["a", "b"]}
    with pytest.raises(ValueError, match=rf"mine of source '{source}' has no image files"):
        list_images("mine", parse_dataset(value), tmp_path)


def test_joined_parts_share_their_classes_and_count_training_images_together():
    def boxes(image: str, class_id: str) -> pd.DataFrame:
        row = dict.fromkeys(ANNOTATIONS.columns, 0) | {"image_id": image, "class_id": class_id, "source": "s"}
        return check(pd.DataFrame([row | {"split": "train"}]), ANNOTATIONS, where="test")

    def classes(*rows: tuple[str, str]) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=["class_id", "name"]).assign(num_train_images=1)

    labels = join_labels(
        [boxes("1", "a"), empty_table(ANNOTATIONS), boxes("2", "a")],
        [classes(("a", "first")), empty_table(CLASSES), classes(("a", "second"))],
    )
    assert len(check(labels.boxes, ANNOTATIONS, where="test")) == 2
    assert check(count_train_images(*labels), CLASSES, where="test").to_dict("records") == [
        {"class_id": "a", "name": "first", "num_train_images": 2}
    ]


def test_misspelt_settings_are_rejected():
    with pytest.raises(ValueError, match="imagez"):
        parse_dataset({"source": "folder", "imagez": "p"})


def test_every_source_that_others_publish_has_a_page_to_get_it_from():
    sources = {model.model_fields["source"].annotation.__args__[0] for model in Dataset.__origin__.__args__}
    assert sources - set(HOME_PAGES) == {"drawn", "folder", "ohms", "released_ohms", "union", "prepared"}
    assert set(HOME_PAGES) < sources
    assert all(": http" in page for page in HOME_PAGES.values())
