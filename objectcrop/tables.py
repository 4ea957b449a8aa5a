"""The Parquet tables that rules exchange: columns, units, read, write, check.

Text columns that repeat few values over many rows (`repeating`) may be pandas categoricals of text: Open Images' 14.6 million
boxes then take 0.6 GB and not 1.2, and are counted by integers. Such a column is a dictionary in Parquet. Whoever reads a
table gets plain text, unless it asks for categories.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from objectcrop.runtime.atomic import replacing

Codes = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Schema:
    """Columns of a table, in order: name -> pandas dtype.

    `key` columns together are unique if given; `repeating` text columns may be categoricals.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...] = ()
    repeating: tuple[str, ...] = ()


MANIFEST = Schema(
    "manifest",
    {
        "image_id": "str",  # unique in the data set
        "path": "str",  # relative to the data root, with forward slashes
        "width_px": "int32",  # after EXIF orientation, as decoded
        "height_px": "int32",
        "num_bytes": "int64",
        "split": "str",  # train, validation or test
    },
    key=("image_id",),
)
ANNOTATIONS = Schema(
    "annotations",
    {
        "image_id": "str",
        "class_id": "str",  # MID, or the name that the data set gives
        "x1": "float32",  # relative 0..1, x1 <= x2
        "y1": "float32",
        "x2": "float32",
        "y2": "float32",
        "is_group_of": "bool",  # one box around several objects
        "is_crowd": "bool",  # crowd (COCO) or difficult (VOC): left out of metrics
        "is_depiction": "bool",
        "source": "str",  # who says so; IMAGE_LABEL: a label of the whole picture, not a box
        "split": "str",
    },
    repeating=("image_id", "class_id", "source", "split"),
)
IMAGE_LABEL = "image_label"
CLASSES = Schema("classes", {"class_id": "str", "name": "str", "num_train_images": "int64"}, key=("class_id",))
IMAGES = Schema(
    "images", {"image_id": "str", "split": "str", "num_boxes": "int32", "num_classes": "int32"}, key=("image_id",)
)
CLASS_STATISTICS = Schema(
    "class statistics",
    {
        "class_id": "str",
        "name": "str",
        "num_images": "int64",  # training images that show it in a box
        "num_boxes": "int64",  # its instances
        "mean_area_share": "float64",  # box area over picture area, 0..1
        "median_area_share": "float64",
    },
    key=("class_id",),
)
PROPOSALS = Schema(
    "proposals",
    {
        "image_id": "str",
        "rank": "int32",  # 0 is best; without gaps per image
        "x1": "float32",  # pixels of the decoded image
        "y1": "float32",
        "x2": "float32",
        "y2": "float32",
        "score": "float64",  # of the source's own scale; larger is better
    },
    key=("image_id", "rank"),
)


def check(frame: pd.DataFrame, schema: Schema, *, where: str, categories: bool = False) -> pd.DataFrame:
    """The schema's columns in their order and types.

    Args:
        frame: the table.
        schema: what it must be.
        where: names the table in messages.
        categories: whether repeating columns come as categoricals of text, and not as text.

    Raises:
        ValueError: naming `where`, if a column is missing, cannot take its type, holds a missing value, or a key repeats.
    """
    missing = [name for name in schema.columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{where}: the {schema.name} table lacks column(s) {missing}; it has {list(frame.columns)}")
    kept = frame[list(schema.columns)]
    empty = [name for name in schema.columns if kept[name].isna().any()]
    if empty:
        raise ValueError(f"{where}: the {schema.name} table has missing values in {empty}")
    try:
        typed = _typed(kept, schema, categories=categories)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: a column of the {schema.name} table has the wrong type: {error}") from error
    if schema.key:
        repeated = typed.duplicated(list(schema.key))
        if repeated.any():
            first = typed.loc[repeated, list(schema.key)].iloc[0].to_dict()
            raise ValueError(
                f"{where}: {int(repeated.sum())} repeated key(s) in the {schema.name} table, first {first}"
            )
    return typed.reset_index(drop=True)


def write_table(frame: pd.DataFrame, path: str | Path, schema: Schema, notes: Mapping[str, str] | None = None) -> None:
    """Check, then write Parquet atomically; categoricals are written as dictionaries, `notes` as metadata of the file."""
    categories = any(_is_text_category(frame[name]) for name in schema.repeating if name in frame)
    checked = check(frame, schema, where=str(path), categories=categories)
    # One row group for categories: each would hold the whole dictionary again, 35 MB for Open Images' image ids.
    row_group_size = max(1, len(checked)) if categories else None
    rows = _arrow(checked)
    if notes:
        rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **notes})
    with replacing(path) as aside:
        pq.write_table(rows, aside, row_group_size=row_group_size, **_layout(schema, categories=categories))


def read_note(path: str | Path, name: str) -> str | None:
    """Return one of the notes that `write_table` put into a file, None if there is none of this name."""
    found: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
    value = found.get(name.encode())
    return None if value is None else value.decode()


@contextmanager
def writing_table(path: str | Path, schema: Schema) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write Parquet atomically, part by part: each part given to the function is checked and becomes a row group.

    Text stays text. A key that repeats in two parts is not seen here; whoever reads the table sees it.
    """
    with replacing(path) as aside, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def write(frame: pd.DataFrame) -> None:
            nonlocal writer
            rows = _arrow(check(frame, schema, where=str(path)))
            if writer is None:
                layout = _layout(schema, categories=False)
                writer = stack.enter_context(pq.ParquetWriter(aside, rows.schema, **layout))
            writer.write_table(rows, row_group_size=max(1, len(rows)))

        yield write
        if writer is None:
            write(empty_table(schema))


def _layout(schema: Schema, *, categories: bool) -> dict[str, Any]:
    return {
        "use_dictionary": [name for name, dtype in schema.columns.items() if dtype == "str" and (name,) != schema.key],
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "data_page_size": _PAGE_BYTES,
        "compression": "none" if categories else "snappy",  # coordinates and codes of many boxes hardly shrink
        "write_statistics": False,  # nobody asks for part of a table
    }


def read_table(path: str | Path, schema: Schema, *, categories: bool = False) -> pd.DataFrame:
    """Read Parquet and check.

    Args:
        path: the file.
        schema: what it must be.
        categories: whether repeating columns come as categoricals of text, and not as text.

    Raises:
        ValueError: naming the file, if it is no Parquet file or not of the schema.
    """
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read()
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as Parquet ({error}); remove it and run its rule again") from error
    return check(_frame(table, categories=categories), schema, where=str(path), categories=categories)


def join_rows(frames: Sequence[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Several tables of a schema as one, one below the other; repeating columns are categoricals of text.

    Raises:
        ValueError: if one is not of the schema.
    """
    parts = [check(frame, schema, where="a table to join", categories=True) for frame in frames]
    if len(parts) == 1:
        return parts[0]
    tables = [_with_wide_codes(_arrow(part)) for part in parts]
    return _frame(pa.concat_tables(tables), categories=True)


def categorical(column: pa.ChunkedArray) -> "pd.Categorical[Any]":
    """A dictionary column of Arrow as a categorical with sorted values, which thus sorts as its text does."""
    array = column.combine_chunks()
    indices = array.indices.fill_null(-1) if array.null_count else array.indices
    codes, values = _with_sorted_values(indices.to_numpy(), pd.Index(array.dictionary.to_pandas()))
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(values), validate=False)


def text_codes(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Integer codes of a text column, plain or categorical, into its sorted values.

    Values that no row has may be among those of a categorical.
    """
    text = column if _is_text_category(column) else column.astype("str").astype("category")
    return _with_sorted_values(text.array.codes, text.array.categories)


def take_rows(frame: pd.DataFrame, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """The kept rows of a table, numbered anew; a categorical keeps only the values that they have."""

    def take(column: pd.Series) -> Any:
        if _is_text_category(column):
            return _without_unused(column.array.codes[kept], column.array.categories)
        return column.array[kept]

    with ThreadPoolExecutor() as pool:  # NumPy lets go of the interpreter while it copies
        columns = dict(zip(frame, pool.map(take, (column for _, column in frame.items())), strict=True))
    return pd.DataFrame(columns, copy=False)


def distinct_pairs(first: Codes, second: Codes, num_second: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct pairs of two columns of codes, sorted; codes of the second are below `num_second`."""
    bits = np.int64(num_second.bit_length())  # by shifts: a division of 14.6 million keys takes as long as to sort them
    keys = first.astype(np.int64)
    keys <<= bits
    keys |= second
    # Files list the boxes of a picture in a row: most repeats stand side by side, and need not be sorted.
    keys = keys[_differ_from_the_last(keys)]
    keys.sort()
    keys = keys[_differ_from_the_last(keys)]  # np.unique hashes, which takes four times as long here
    return keys >> bits, keys & ((np.int64(1) << bits) - 1)


def _differ_from_the_last(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    differ = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=differ[1:])
    return differ


def empty_table(schema: Schema) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in schema.columns.items()})


_DICTIONARY_BYTES = 1 << 30
_PAGE_BYTES = 8 << 20
"""Of a column; with Parquet's usual 1 MiB a table of 14.6 million rows takes up to twice as long to read."""


def _is_text_category(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.categories.dtype == "str"


def _with_sorted_values(codes: Codes, values: pd.Index) -> tuple[Codes, pd.Index]:
    if _increases(values):
        return codes, values
    order = values.argsort()
    rank = np.full(len(order) + 1, -1, dtype=codes.dtype)  # the last is for code -1, a missing value
    rank[order] = np.arange(len(order), dtype=codes.dtype)
    return rank[codes], values[order]


def _without_unused(codes: Codes, values: pd.Index) -> "pd.Categorical[Any]":
    used = np.zeros(len(values), dtype=bool)
    used[codes] = True
    if not used.all():
        rank = (np.cumsum(used) - 1).astype(codes.dtype)
        codes, values = rank[codes], values[used]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(values), validate=False)


def _increases(values: pd.Index) -> bool:
    """Whether each text is at or after the one before; pandas makes a Python string of each to say so."""
    text = pa.array(values)
    return len(text) < 2 or bool(pc.all(pc.less_equal(text[:-1], text[1:])).as_py())


def _typed(frame: pd.DataFrame, schema: Schema, *, categories: bool) -> pd.DataFrame:
    if not categories:
        return frame.astype(schema.columns)
    plain = {name: dtype for name, dtype in schema.columns.items() if name not in schema.repeating}
    text = [name for name in schema.repeating if not _is_text_category(frame[name])]
    return frame.astype(plain | dict.fromkeys(text, "str")).astype(dict.fromkeys(text, "category"))


def _with_wide_codes(table: pa.Table) -> pa.Table:
    """The table with 32-bit codes: pandas' narrow ones may be too few for the values of several tables."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            wide = table.column(index).cast(pa.dictionary(pa.int32(), pa.large_string()))
            table = table.set_column(index, field.name, wide)
    return table


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """A checked table for Arrow, whose columns say that no value is missing: that spares them a mask."""
    columns = {}
    for name, column in frame.items():
        if _is_text_category(column):
            codes, values = pa.array(column.array.codes), pa.array(column.array.categories)
            columns[name] = pa.DictionaryArray.from_arrays(codes, values)
        else:
            columns[name] = pa.array(column.array)
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    return pa.table(columns, schema=pa.schema(fields))


def _frame(table: pa.Table, *, categories: bool) -> pd.DataFrame:
    """A pandas table; dictionaries become categoricals of text, or text, here and not by pandas, which takes far longer."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_dictionary(column.type):
            columns[name] = column.to_pandas()
        elif categories:
            columns[name] = categorical(column)
        else:
            columns[name] = column.cast(column.type.value_type).to_pandas()
    return pd.DataFrame(columns, copy=False)


def starts(counts: NDArray[Any]) -> NDArray[np.int64]:
    """First item of each group, and the number of all items: shape (groups + 1,)."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
