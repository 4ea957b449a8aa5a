"""The tables that rules exchange."""

import numpy as np
import pandas as pd
import pytest

from objectcrop.tables import (
    ANNOTATIONS,
    CLASS_STATISTICS,
    CLASSES,
    IMAGES,
    MANIFEST,
    PROPOSALS,
    check,
    empty_table,
    read_table,
    write_table,
)

ALL = [MANIFEST, ANNOTATIONS, CLASSES, CLASS_STATISTICS, IMAGES, PROPOSALS]


@pytest.fixture
def classes() -> pd.DataFrame:
    return pd.DataFrame({"class_id": ["b", "a"], "name": ["B", "A"], "num_train_images": [2, 0]})


def test_what_is_written_is_read_again(tmp_path, classes):
    write_table(classes, tmp_path / "deep" / "classes.parquet", CLASSES)
    pd.testing.assert_frame_equal(read_table(tmp_path / "deep" / "classes.parquet", CLASSES), classes)


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)
def test_an_empty_table_keeps_its_types(tmp_path, schema):
    write_table(empty_table(schema), tmp_path / "empty.parquet", schema)
    table = read_table(tmp_path / "empty.parquet", schema)
    assert len(table) == 0
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == schema.columns


def test_columns_are_put_in_order_typed_and_the_rest_left_out(classes):
    shuffled = classes[["num_train_images", "name", "class_id"]].assign(extra=1, class_id=[2, 1])
    checked = check(shuffled, CLASSES, where="here")
    assert list(checked.columns) == ["class_id", "name", "num_train_images"]
    assert checked["class_id"].tolist() == ["2", "1"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="name"), r"here: the classes table lacks column\(s\) \['name'\]"),
        (lambda table: table.assign(name=["B", None]), r"here: the classes table has missing values in \['name'\]"),
        (
            lambda table: table.assign(num_train_images=["many", "few"]),
            "here: a column of the classes table has the wrong",
        ),
        (lambda table: table.assign(class_id="a"), r"here: 1 repeated key\(s\) in the classes table, first .*'a'"),
    ],
)
def test_a_table_that_breaks_its_schema_is_refused_by_place(classes, spoil, message):
    with pytest.raises(ValueError, match=message):
        check(spoil(classes), CLASSES, where="here")


def test_a_missing_number_is_refused(classes):
    with pytest.raises(ValueError, match="missing values"):
        check(classes.assign(num_train_images=[1, np.nan]), CLASSES, where="here")


def test_a_bad_table_is_not_written(tmp_path, classes):
    path = tmp_path / "classes.parquet"
    write_table(classes, path, CLASSES)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"classes\.parquet"):
        write_table(classes.drop(columns="name"), path, CLASSES)
    assert path.read_bytes() == before


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    path = tmp_path / "classes.parquet"
    path.write_text("not parquet")
    with pytest.raises(ValueError, match=r"classes\.parquet: cannot be read as Parquet"):
        read_table(path, CLASSES)
