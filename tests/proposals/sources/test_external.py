import json

import numpy as np
import pandas as pd
import pytest

from objectcrop.boxes import Size
from objectcrop.proposals.sources.external import read_external
from objectcrop.tables import PROPOSALS, check, write_table

SIZES = {"000000000139": Size(100, 60), "000000000285": Size(40, 80), "none": Size(10, 10)}
RESULTS = [
    {"image_id": 139, "category_id": 1, "bbox": [10, 20, 30, 10], "score": 0.2},
    {"image_id": 139, "category_id": 1, "bbox": [0, 0, 100, 60], "score": 0.9},
    {"image_id": 285, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
    {"image_id": 999, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
]


def write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_coco_results_become_corners_best_first(tmp_path):
    proposals = list(read_external(write(tmp_path / "r.json", RESULTS), SIZES, 10))
    assert [one.image_id for one in proposals] == ["000000000139", "000000000285"]
    assert proposals[0].boxes.tolist() == [[0, 0, 100, 60], [10, 20, 40, 30]]
    assert proposals[0].scores.tolist() == [0.9, 0.2]


def test_no_more_boxes_are_kept_than_asked_for(tmp_path):
    proposals = list(read_external(write(tmp_path / "r.json", RESULTS), SIZES, 1))
    assert [len(one.boxes) for one in proposals] == [1, 1]
    assert proposals[0].scores.tolist() == [0.9]


def test_coco_instances_go_by_the_file_name_and_keep_their_order(tmp_path):
    instances = {
        "images": [{"id": 7, "file_name": "train/none.jpg"}],
        "annotations": [{"image_id": 7, "bbox": [0, 0, 5, 5]}, {"image_id": 7, "bbox": [2, 2, 8, 8]}],
    }
    proposals = list(read_external(write(tmp_path / "i.json", instances), SIZES, 10))
    assert proposals[0].image_id == "none"
    assert proposals[0].boxes.tolist() == [[0, 0, 5, 5], [2, 2, 10, 10]]


def table(*rows):
    return check(pd.DataFrame(rows, columns=list(PROPOSALS.columns)), PROPOSALS, where="test")


def test_parquet_goes_by_its_ranks(tmp_path):
    rows = table(("none", 1, 0, 0, 5, 5, 0.5), ("none", 0, 1, 1, 6, 6, 0.5))
    write_table(rows, tmp_path / "p.parquet", PROPOSALS)
    proposals = list(read_external(tmp_path / "p.parquet", SIZES, 10))
    assert proposals[0].boxes.tolist() == [[1, 1, 6, 6], [0, 0, 5, 5]]


def test_parquet_whose_scores_rise_is_refused(tmp_path):
    write_table(table(("none", 0, 0, 0, 5, 5, 0.1), ("none", 1, 1, 1, 6, 6, 0.5)), tmp_path / "p.parquet", PROPOSALS)
    with pytest.raises(ValueError, match="image 'none' rise"):
        read_external(tmp_path / "p.parquet", SIZES, 10)


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        ([10, 20, 0, 10], 0.5, r"r\.json: row 1: .*no area"),
        ([10, 20, -3, 10], 0.5, "no area"),
        ([10, 20, 200, 10], 0.5, r"'000000000139' \(100 x 60\) is outside"),
        ([-9, 20, 20, 10], 0.5, "is outside"),
        ([float("nan"), 20, 20, 10], 0.5, "row 1: .*is no number"),
        ([10, 20, 20, 10], float("inf"), "is no number"),
        (
            [0.1, 0.2, 0.5, 0.5],
            0.5,
            "1 of 2 boxes are shares of the image.*pixels of the decoded image are expected: row 1, ",
        ),
        ([1, 2, 3], 0.5, r"r\.json: entry 1, .*'bbox': \[1, 2, 3\].*neither COCO results"),
        ("1234", 0.5, "entry 1, .*neither COCO results.*'1' is no number"),
        ([1, 2, 3, 4], "much", "entry 1, .*neither COCO results.*'much' is no number"),
        ([1, 2, 3, True], 0.5, "entry 1, .*neither COCO results.*True is no number"),
        ([1, 2, 3, 10**400], 0.5, r"entry 1, .{200,300} \.\.\.: neither COCO results"),
        (None, 0.5, "entry 1, .*neither COCO results"),
    ],
)
def test_a_wrong_box_is_named_with_its_row(tmp_path, box, score, message):
    path = write(tmp_path / "r.json", [RESULTS[0], {"image_id": 139, "bbox": box, "score": score}])
    with pytest.raises(ValueError, match=message):
        read_external(path, SIZES, 10)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "holds no boxes"),
        ([{"image_id": [1], "bbox": [0, 0, 1, 1]}], "entry 0, .*neither COCO"),
        ({"images": [{"id": 1, "file_name": 3}], "annotations": []}, "neither COCO"),
        ({"images": [], "annotations": [{"image_id": 7, "bbox": [0, 0, 1, 1]}]}, r"entry 0, .*\(KeyError\(7\)\)"),
        ([{"image_id": "\ud800", "bbox": [0, 0, 1, 1]}], "entry 0, .*surrogates not allowed"),
        ("text", "entry 0, 't'"),
        (None, "neither COCO"),
        ([{"image_id": 1, "bbox": [0, 0, 1, 1]}], "none of its 1 images.*'000000000001'.*'000000000139'"),
        ({"images": []}, "neither COCO"),
        ([3], "neither COCO"),
    ],
)
def test_a_file_that_does_not_belong_here_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_external(write(tmp_path / "r.json", content), SIZES, 10)


def test_other_endings_and_broken_files_are_refused(tmp_path):
    (tmp_path / "r.json").write_text("[{")
    with pytest.raises(ValueError, match="not valid JSON"):
        read_external(tmp_path / "r.json", SIZES, 10)
    with pytest.raises(ValueError, match=r"not '\.csv'"):
        read_external(tmp_path / "r.csv", SIZES, 10)


def test_json_that_is_nested_without_end_is_no_json(tmp_path):
    (tmp_path / "r.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"r\.json: not valid JSON"):
        read_external(tmp_path / "r.json", SIZES, 10)


def test_boxes_that_an_image_has_already_are_left_out_and_said(tmp_path, capsys):
    more = [RESULTS[0] | {"score": 0.1}, RESULTS[2], RESULTS[3], RESULTS[3]]
    proposals = list(read_external(write(tmp_path / "r.json", [*RESULTS, *more]), SIZES, 10))
    assert [one.scores.tolist() for one in proposals] == [[0.9, 0.2], [0.5]]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {tmp_path}/r.json: 2 boxes repeat another of their image and are left out; row ")
    list(read_external(write(tmp_path / "r.json", RESULTS), SIZES, 10))
    assert not capsys.readouterr().err


def test_rounding_beyond_the_border_is_taken(tmp_path):
    path = write(tmp_path / "r.json", [{"image_id": 139, "bbox": [-0.5, 0, 101, 60], "score": 1}])
    assert np.isfinite(next(read_external(path, SIZES, 10)).boxes).all()


def test_shares_among_pixels_are_reported_and_a_box_of_one_pixel_is_not_one(tmp_path):
    first_pixel = {"image_id": 139, "bbox": [0, 0, 1, 1], "score": 1}
    proposals = read_external(write(tmp_path / "r.json", [first_pixel, *RESULTS]), SIZES, 10)
    assert [0, 0, 1, 1] in next(proposals).boxes.tolist()
    share = {"image_id": 285, "bbox": [0.25, 0, 0.5, 1], "score": 1}
    with pytest.raises(ValueError, match=r"1 of 5 boxes are shares.*'000000000285', is \[0\.25, 0\.0, 0\.75, 1\.0\]"):
        read_external(write(tmp_path / "r.json", [first_pixel, share, *RESULTS]), SIZES, 10)


def write_parquet(path, **columns):
    """A table that our own writer would reject."""
    rows = {
        "image_id": ["none", "none"],
        "rank": [0, 1],
        "x1": [0.0, 1],
        "y1": [0.0, 1],
        "x2": [5.0, 6],
        "y2": [5.0, 6],
    }
    pd.DataFrame(rows | {"score": [1.0, 0.5]} | columns).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x1": [0.0, np.nan]}, r"missing values in \['x1'\]"),
        ({"score": [np.inf, 0.5]}, "score is none"),
        ({"x1": [0.0, np.inf]}, "is no number"),
        ({"x1": [5.0, 1.0]}, r"'none' \(10 x 10\) has no area"),
        ({"y2": [5.0, 90.0]}, "is outside its image"),
        ({"x1": [-9.0, 1.0]}, "is outside its image"),
        ({"rank": [0, 0]}, "1 repeated key"),
        ({"rank": ["first", "second"]}, "wrong type"),
        ({"x1": [0.1, 1], "x2": [0.5, 6], "y1": [0.1, 1], "y2": [0.5, 6]}, "1 of 2 boxes are shares"),
        ({"image_id": ["other", "another"]}, "none of its 2 images"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(tmp_path, columns, message):
    path = write_parquet(tmp_path / "p.parquet", **columns)
    with pytest.raises(ValueError, match=rf"p\.parquet: .*{message}"):
        list(read_external(path, SIZES, 10))


def test_missing_columns_and_files_are_named(tmp_path):
    pd.DataFrame({"image_id": ["none"], "XMin": [0.5]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(
        ValueError, match=r"p\.parquet: .*lacks column\(s\) \['rank', 'x1'.*it has \['image_id', 'XMin'\]"
    ):
        read_external(tmp_path / "p.parquet", SIZES, 10)
    (tmp_path / "p.parquet").write_text("no parquet")
    with pytest.raises(ValueError, match=r"p\.parquet: cannot be read as Parquet"):
        read_external(tmp_path / "p.parquet", SIZES, 10)
    for name in ("q.parquet", "q.json"):
        with pytest.raises(FileNotFoundError, match=rf"{name}: the file of boxes is not there"):
            read_external(tmp_path / name, SIZES, 10)
