"""Box CSVs in Open Images columns: what is read, and what is refused."""

import gzip
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.data.openimages import (
    drawn_layout,
    list_openimages,
    read_class_names,
    read_openimages_boxes,
)
from objectcrop.study.datasets import DrawnDataset, OpenImagesDataset
from objectcrop.tables import ANNOTATIONS, check

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
ROWS = ["0a,verification,/m/1,1,0.1,0.5,0.2,0.6,-1,-1,1,0,-1", "0b,activemil,/m/2,1,0,1,0,1,0,0,-1,1,0"]


@pytest.fixture
def write(tmp_path):
    def write_csv(*rows: str, header: str = HEADER, end: str = "\n"):
        path = tmp_path / "boxes.csv"
        path.write_bytes(end.join([header, *rows, ""]).encode())
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


@pytest.mark.parametrize(("header", "end"), [("\ufeff" + HEADER, "\n"), (HEADER, "\r\n")])
def test_a_byte_order_mark_and_carriage_returns_do_no_harm(write, header, end):
    plain = read_openimages_boxes(write(*ROWS), "train")
    pd.testing.assert_frame_equal(read_openimages_boxes(write(*ROWS, header=header, end=end), "train"), plain)


def test_digits_stay_text(write):
    boxes = read_openimages_boxes(write("000000000030,s,/m/1,1,0,1,0,1,0,0,0,0,0"), "train")
    assert boxes["image_id"].tolist() == ["000000000030"]


def test_a_gzipped_csv_is_read_and_a_cut_off_one_refused(write, tmp_path):
    plain = write(*ROWS * 100)
    packed = gzip.compress(plain.read_bytes())
    path = tmp_path / "boxes.csv.gz"
    path.write_bytes(packed)
    assert len(read_openimages_boxes(path, "train")) == 200
    path.write_bytes(packed[:-30])
    with pytest.raises(ValueError, match=r"boxes\.csv\.gz: cannot be read"):
        read_openimages_boxes(path, "train")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0a,s,/m/1,1,0.5,0.1,0,1,0,0,0,0,0", r"boxes\.csv, line 3: the box is turned inside out .*x1 0\.5"),
        ("0a,s,/m/1,1,0.1,1.5,0,1,0,0,0,0,0", r"line 3: the box lies outside the picture"),
        ("0a,s,/m/1,1,,1,0,1,0,0,0,0,0", r"line 3: the box has a corner that is no number"),
        ("0a,s,/m/1,1,nan,1,0,1,0,0,0,0,0", r"line 3: the box has a corner that is no number"),
        (",s,/m/1,1,0,1,0,1,0,0,0,0,0", r"line 3: ImageID is empty"),
        ("0a,s,,1,0,1,0,1,0,0,0,0,0", r"line 3: LabelName is empty"),
        ("0a,s,/m/1,1,0,1,0,1,0,0,2,0,0", r"line 3: IsGroupOf must be -1, 0 or 1"),
        ("0a,s,/m/1,1,wide,1,0,1,0,0,0,0,0", r"boxes\.csv: cannot be read as an Open Images box CSV .*wide"),
        ("0a,s,/m/1", r"boxes\.csv: cannot be read as an Open Images box CSV"),
    ],
)
def test_a_bad_row_is_named(write, row, message):
    with pytest.raises(ValueError, match=message):
        read_openimages_boxes(write(ROWS[0], row), "train")


def test_a_missing_column_and_an_empty_file_are_named(write):
    with pytest.raises(ValueError, match=r"boxes\.csv: lacks the column\(s\) \['XMax'\]"):
        read_openimages_boxes(write(*ROWS, header=HEADER.replace("XMax", "Right")), "train")
    path = write()
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"boxes\.csv: cannot be read"):
        read_openimages_boxes(path, "train")


def test_a_csv_with_a_header_alone_has_no_boxes(write):
    assert len(read_openimages_boxes(write(), "train")) == 0


tokens = st.sampled_from(
    ["", "0", "1", "-1", "0.5", "1.0004", "nan", "1e400", "a", "/m/1", '"', '"b"', "\u00e9", "0a\n", " "]
)
cells = st.lists(tokens, min_size=12, max_size=14).map(",".join)


@given(st.lists(cells, max_size=4), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_csv_becomes_a_valid_table_or_an_error_that_names_the_file(rows, end, has_mark):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.csv"
        path.write_bytes(("\ufeff" * has_mark + end.join([HEADER, *rows])).encode())
        try:
            check(read_openimages_boxes(path, "train"), ANNOTATIONS, where="fuzzed")
            message = ""
        except ValueError as error:
            message = str(error)
    assert message == "" or str(path) in message


def test_class_names_keep_commas_and_words_that_look_missing(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text('\ufeff/m/1,"Tool, hand"\r\n/m/2,None\r\n', encoding="utf-8")
    assert read_class_names(path) == {"/m/1": "Tool, hand", "/m/2": "None"}
    path.write_text("/m/1,A\n/m/1,B\n")
    with pytest.raises(ValueError, match=r"class id '/m/1' occurs more than once"):
        read_class_names(path)


def test_listed_are_the_pictures_that_have_both_boxes_and_a_file(write, tmp_path):
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
    with pytest.raises(ValueError, match=r"train: holds none of the 2 pictures"):
        list_openimages(dataset, tmp_path)


def test_pictures_of_any_ending_in_sub_folders_are_listed_if_the_settings_say_so(write, tmp_path):
    write(*[f"{image_id},s,/m/1,1,0,1,0,1,0,0,0,0,0" for image_id in ("a", "b", "part_1/c")])
    for name in ("part_0/a.jpg", "b.png", "part_1/c.jpg"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).touch()
    flat = OpenImagesDataset(
        source="openimages", boxes={"train": "boxes.csv"}, class_descriptions="c.csv", images={"train": "train"}
    )
    with pytest.raises(
        ValueError, match=r"holds none of the 3 pictures <ImageID>\.jpg .*set image_suffixes and nested_images"
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
