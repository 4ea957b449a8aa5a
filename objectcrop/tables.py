"""The Parquet tables that rules exchange: columns, units, read, write, check.

Text columns that repeat few values over many rows (`repeating`) may be pandas categoricals of text: Open Images' 14.6 million
boxes then take 0.6 GB and not 1.2, and are counted by integers. Such a column is a dictionary in Parquet. Whoever reads a
table gets plain text, unless it asks for categories.

Each page of a file has a checksum, and the footer a digest, which are compared when it is read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from objectcrop.codes import categorical, is_text_category
from objectcrop.parquet import naming_damage, seal_footer, verify_footer
from objectcrop.runtime.atomic import replacing


@dataclass(frozen=True)
class Schema:
    """Columns of a table, in order: name -> pandas dtype.

    `key` columns together are unique unless empty; `repeating` text columns may be categoricals.
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
        "digest": "str",  # of the file's bytes: the first 16 hexadecimal digits of their SHA-256
    },
    key=("image_id",),
)
IMAGE_FILES = Schema(
    "image files",
    {
        "path": "str",  # as in MANIFEST, row by row; two parts of a union may have one file
        "num_bytes": "int64",
        "mtime_ns": "int64",  # when the file was last changed before it was indexed, nanoseconds since 1970
    },
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
        "source": "str",  # who says so; IMAGE_LABEL: a label of the whole image, not a box
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
        "mean_area_share": "float64",  # box area over image area, 0..1
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
    """Return the schema's columns in their order and types.

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
    categories = any(is_text_category(frame[name]) for name in schema.repeating if name in frame)
    checked = check(frame, schema, where=str(path), categories=categories)
    # One row group for categories: each would hold the whole dictionary again, 35 MB for Open Images' image ids.
    row_group_size = max(1, len(checked)) if categories else None
    rows = _arrow(checked)
    if notes:
        rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **notes})
    with replacing(path) as aside:
        pq.write_table(rows, aside, row_group_size=row_group_size, **_layout(schema, categories=categories))
        seal_footer(aside)


def read_note(path: str | Path, name: str) -> str | None:
    """Return one of the notes that `write_table` put into a file, None if there is none of this name.

    Raises:
        ValueError: naming the file, if it is damaged or no Parquet file.
    """
    with naming_damage(path):
        verify_footer(path)
        notes: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        value = notes.get(name.encode())
        return None if value is None else value.decode()


@contextmanager
def writing_table(path: str | Path, schema: Schema) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write Parquet atomically, part by part: each part passed to the function is checked and becomes a row group.

    Text stays text. A key that repeats in two parts is not noticed here; whoever reads the table sees it.
    """
    with replacing(path) as aside:
        with ExitStack() as stack:
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
        seal_footer(aside)


def _layout(schema: Schema, *, categories: bool) -> dict[str, Any]:
    return {
        "use_dictionary": [name for name, dtype in schema.columns.items() if dtype == "str" and (name,) != schema.key],
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "data_page_size": _PAGE_BYTES,
        "compression": "none" if categories else "snappy",  # coordinates and codes of many boxes hardly shrink
        "write_statistics": False,  # nobody asks for part of a table
        "write_page_checksum": True,
    }


def read_table(path: str | Path, schema: Schema, *, categories: bool = False) -> pd.DataFrame:
    """Read Parquet and check.

    Args:
        path: the file.
        schema: what it must be.
        categories: whether repeating columns come as categoricals of text, and not as text.

    Raises:
        ValueError: naming the file, if it is damaged, no Parquet file or not of the schema.
    """
    with naming_damage(path):
        verify_footer(path)
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            table = file.read()
        frame = _frame(table, categories=categories)
    return check(frame, schema, where=str(path), categories=categories)


def join_rows(frames: Sequence[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Return several tables of a schema as one, one below the other; repeating columns are categoricals of text.

    Raises:
        ValueError: if one is not of the schema.
    """
    parts = [check(frame, schema, where="a table to join", categories=True) for frame in frames]
    if len(parts) == 1:
        return parts[0]
    tables = [_with_wide_codes(_arrow(part)) for part in parts]
    return _frame(pa.concat_tables(tables), categories=True)


def empty_table(schema: Schema) -> pd.DataFrame:
    """Return a table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in schema.columns.items()})


_DICTIONARY_BYTES = 1 << 30
_PAGE_BYTES = 8 << 20
"""Of a column; with Parquet's usual 1 MiB a table of 14.6 million rows takes up to twice as long to read."""


def _typed(frame: pd.DataFrame, schema: Schema, *, categories: bool) -> pd.DataFrame:
    if not categories:
        return frame.astype(schema.columns)
    plain = {name: dtype for name, dtype in schema.columns.items() if name not in schema.repeating}
    text = [name for name in schema.repeating if not is_text_category(frame[name])]
    return frame.astype(plain | dict.fromkeys(text, "str")).astype(dict.fromkeys(text, "category"))


def _with_wide_codes(table: pa.Table) -> pa.Table:
    """Return the table with 32-bit codes: pandas' narrow ones may be too few for the values of several tables."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            wide = table.column(index).cast(pa.dictionary(pa.int32(), pa.large_string()))
            table = table.set_column(index, field.name, wide)
    return table


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a checked table for Arrow, whose columns say that no value is missing: that spares them a mask."""
    columns = {}
    for name, column in frame.items():
        if is_text_category(column):
            codes, values = pa.array(column.array.codes), pa.array(column.array.categories)
            columns[name] = pa.DictionaryArray.from_arrays(codes, values)
        else:
            columns[name] = pa.array(column.array)
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    return pa.table(columns, schema=pa.schema(fields))


def _frame(table: pa.Table, *, categories: bool) -> pd.DataFrame:
    """Return a pandas table; dictionaries become categoricals of text, or text, here and not by pandas, which takes far longer."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_dictionary(column.type):
            columns[name] = column.to_pandas()
        elif categories:
            columns[name] = categorical(column)
        else:
            columns[name] = column.cast(column.type.value_type).to_pandas()
    return pd.DataFrame(columns, copy=False)
