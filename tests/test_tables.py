"""The tables that rules exchange."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.codes import distinct_pairs, take_rows, text_codes
from objectcrop.tables import (
    ANNOTATIONS,
    CLASS_STATISTICS,
    CLASSES,
    IMAGE_FILES,
    IMAGES,
    MANIFEST,
    PROPOSALS,
    check,
    empty_table,
    join_rows,
    read_table,
    write_table,
)

ALL = [MANIFEST, IMAGE_FILES, ANNOTATIONS, CLASSES, CLASS_STATISTICS, IMAGES, PROPOSALS]


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


def boxes(*ids: str, split: str = "train", categories: bool = True) -> pd.DataFrame:
    """One box an id, of a class of its first letter."""
    rows = dict.fromkeys(ANNOTATIONS.columns, 0) | {"source": "s", "split": split}
    frame = pd.DataFrame([rows | {"image_id": image_id, "class_id": image_id[0]} for image_id in ids])
    return check(frame, ANNOTATIONS, where="test", categories=categories)


@pytest.mark.parametrize("categories", [True, False])
def test_categories_and_text_are_written_and_read_as_either(tmp_path, categories):
    path = tmp_path / "boxes.parquet"
    write_table(boxes("b2", "a1", "b2", categories=categories), path, ANNOTATIONS)
    pd.testing.assert_frame_equal(read_table(path, ANNOTATIONS), boxes("b2", "a1", "b2", categories=False))
    pd.testing.assert_frame_equal(read_table(path, ANNOTATIONS, categories=True), boxes("b2", "a1", "b2"))


def test_only_repeating_columns_may_be_categories(classes):
    categorical = classes.assign(name=classes["name"].astype("category"))
    assert str(check(categorical, CLASSES, where="here", categories=True)["name"].dtype) == "str"


def test_categories_that_are_no_text_become_text():
    numbers = boxes("a", "b").assign(image_id=pd.Categorical([7, 5]))
    for categories in (True, False):
        assert check(numbers, ANNOTATIONS, where="here", categories=categories)["image_id"].tolist() == ["7", "5"]


@pytest.mark.parametrize("categories", [True, False])
def test_a_missing_category_is_refused(tmp_path, categories):
    path = tmp_path / "boxes.parquet"
    table = pa.Table.from_pandas(boxes("a", "b"), preserve_index=False)
    spoilt = pa.DictionaryArray.from_arrays(pa.array([0, None]), pa.array(["a"]))
    pq.write_table(table.set_column(0, "image_id", spoilt), path)
    with pytest.raises(ValueError, match=r"missing values in \['image_id'\]"):
        read_table(path, ANNOTATIONS, categories=categories)


def test_categories_read_from_several_row_groups_are_one(tmp_path):
    path = tmp_path / "boxes.parquet"
    pq.write_table(pa.Table.from_pandas(boxes("c", "a", "b", "a"), preserve_index=False), path, row_group_size=1)
    pd.testing.assert_frame_equal(read_table(path, ANNOTATIONS, categories=True), boxes("c", "a", "b", "a"))


def test_joined_tables_have_the_rows_of_all_and_sorted_categories():
    many = [f"b{number}" for number in range(300)]  # more than pandas' smallest codes can count
    parts = [boxes("c1", "a1"), empty_table(ANNOTATIONS), boxes(*many, split="test", categories=False)]
    joined = join_rows(parts, ANNOTATIONS)
    assert joined["image_id"].tolist() == ["c1", "a1", *many]
    assert joined["split"].tolist() == ["train"] * 2 + ["test"] * 300
    assert joined["image_id"].cat.categories.tolist() == sorted(["a1", "c1", *many])
    alone = join_rows([boxes("c1", categories=False)], ANNOTATIONS)
    pd.testing.assert_frame_equal(alone, boxes("c1"))


words = st.lists(st.sampled_from(["b", "a", "c", "\u00e9", "Z", ""]), max_size=12)


@given(words, st.permutations(["a", "unused", "b", "c", "\u00e9", "Z", ""]))
def test_codes_point_into_sorted_values_whatever_the_order_of_categories(texts, categories):
    text = pd.Series(texts, dtype="str")
    for column in (text, pd.Series(pd.Categorical(texts, categories=pd.Index(categories, dtype="str")))):
        codes, values = text_codes(column)
        assert values[codes].tolist() == texts
        assert values.tolist() == sorted(values)


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_taken_rows_are_those_and_their_categories_only(kept):
    table = boxes("c1", "a1", "b1", "a1").assign(x1=[1.0, 2.0, 3.0, 4.0])
    taken = take_rows(table, np.array(kept))
    plain = table[kept].reset_index(drop=True)
    assert taken["x1"].tolist() == plain["x1"].tolist()
    assert taken["image_id"].tolist() == plain["image_id"].tolist()
    assert taken["image_id"].cat.categories.tolist() == sorted(set(plain["image_id"]))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_distinct_pairs_are_each_pair_once_in_order(pairs):
    first, second = (np.array([pair[side] for pair in pairs], dtype=np.int8) for side in (0, 1))
    found = distinct_pairs(first, second, 4)
    assert list(zip(*(side.tolist() for side in found), strict=True)) == sorted(set(pairs))
