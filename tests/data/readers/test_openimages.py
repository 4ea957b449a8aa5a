"""Box CSVs in Open Images columns, as they should be; test_damaged_csv.py has the others."""

import pandas as pd
import pytest

from objectcrop.data.readers.openimages import drawn_layout, list_openimages, read_class_names, read_openimages_boxes
from objectcrop.study.settings.datasets import DrawnDataset, OpenImagesDataset
from objectcrop.tables import ANNOTATIONS, check

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
ROWS = ["0a,verification,/m/1,1,0.1,0.5,0.2,0.6,-1,-1,1,0,-1", "0b,activemil,/m/2,1,0,1,0,1,0,0,-1,1,0"]


@pytest.fixture
def write(tmp_path):
    def write_csv(*rows: str):
        path = tmp_path / "boxes.csv"
        path.write_text("\n".join([HEADER, *rows, ""]))
        return path

    return write_csv


def test_columns_are_read_by_name_and_corners_put_in_our_order(write):
    boxes = check(read_openimages_boxes(write(*ROWS), "train"), ANNOTATIONS, where="test")
    first = boxes.iloc[0].to_dict()
    assert [first[corner] for corner in ("x1", "y1", "x2", "y2")] == pytest.approx([0.1, 0.2, 0.5, 0.6])
    assert (first["image_id"], first["class_id"], first["source"], first["split"]) == (
        "0a",
        "/m/1",
        "verification",
        "train",
    )
    assert boxes["is_group_of"].tolist() == [True, False]  # -1 is unknown, not set
    assert boxes["is_depiction"].tolist() == [False, True]
    assert not boxes["is_crowd"].any()


def test_more_columns_in_another_order_read_the_same(write):
    plain = read_openimages_boxes(write(*ROWS), "train")
    table = pd.read_csv(write(*ROWS), dtype=str)
    table["XClick1X"] = "-1"
    wide = table[table.columns[::-1]].to_csv(index=False)
    path = write()
    path.write_text(wide)
    pd.testing.assert_frame_equal(read_openimages_boxes(path, "train"), plain)


def test_digits_stay_text(write):
    boxes = read_openimages_boxes(write("000000000030,s,/m/1,1,0,1,0,1,0,0,0,0,0"), "train")
    assert boxes["image_id"].tolist() == ["000000000030"]


def test_class_names_keep_commas_and_words_that_look_missing(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text('\ufeff/m/1,"Tool, hand"\r\n/m/2,None\r\n', encoding="utf-8")
    assert read_class_names(path) == {"/m/1": "Tool, hand", "/m/2": "None"}
    path.write_text("/m/1,A\n/m/1,B\n")
    with pytest.raises(ValueError, match=r"class id '/m/1' occurs more than once"):
        read_class_names(path)


def test_listed_are_the_images_that_have_both_boxes_and_a_file(write, tmp_path):
    write(*ROWS, ROWS[0])
    (tmp_path / "train").mkdir()
    for name in ["0b.jpg", "0c.jpg", "0a.txt"]:
        (tmp_path / "train" / name).touch()
    dataset = OpenImagesDataset(
        source="openimages", boxes={"train": "boxes.csv"}, class_descriptions="c.csv", images={"train": "train"}
    )
    assert list_openimages(dataset, tmp_path).to_dict("list") == {
        "image_id": ["0b"],
        "path": ["train/0b.jpg"],
        "split": ["train"],
    }
    (tmp_path / "train" / "0b.jpg").unlink()
    with pytest.raises(ValueError, match=r"train: holds none of the 2 images"):
        list_openimages(dataset, tmp_path)


def test_images_of_any_ending_in_sub_folders_are_listed_if_the_settings_say_so(write, tmp_path):
    write(*[f"{image_id},s,/m/1,1,0,1,0,1,0,0,0,0,0" for image_id in ("a", "b", "part_1/c")])
    for name in ("part_0/a.jpg", "b.png", "part_1/c.jpg"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).touch()
    flat = OpenImagesDataset(
        source="openimages", boxes={"train": "boxes.csv"}, class_descriptions="c.csv", images={"train": "train"}
    )
    with pytest.raises(
        ValueError, match=r"holds none of the 3 images <ImageID>\.jpg .*set image_suffixes and nested_images"
    ):
        list_openimages(flat, tmp_path)
    nested = flat.model_copy(update={"image_suffixes": (".jpg", ".png"), "nested_images": True})
    listing = list_openimages(nested, tmp_path)
    assert listing["image_id"].tolist() == ["a", "b", "part_1/c"]
    assert listing["path"].tolist() == ["train/part_0/a.jpg", "train/b.png", "train/part_1/c.jpg"]


def test_drawn_scenes_lie_in_a_folder_of_their_name_and_have_the_splits_that_are_drawn():
    layout = drawn_layout("demo", DrawnDataset(source="drawn", num_validation=0))
    assert layout.images == {"train": "drawn/demo/train", "test": "drawn/demo/test"}
    assert layout.boxes["train"] == "drawn/demo/train-annotations-bbox.csv"
    assert layout.class_descriptions == "drawn/demo/class-descriptions-boxable.csv"
