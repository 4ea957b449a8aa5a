"""The Parquet tables that rules exchange: columns, units, read, write, check."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from objectcrop.runtime.atomic import replacing


@dataclass(frozen=True)
class Schema:
    """Columns of a table, in order: name -> pandas dtype; `key` columns together are unique if given."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...] = ()


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


def check(frame: pd.DataFrame, schema: Schema, *, where: str) -> pd.DataFrame:
    """The schema's columns in their order and types.

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
        typed = kept.astype(schema.columns)
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


def write_table(frame: pd.DataFrame, path: str | Path, schema: Schema) -> None:
    """Check, then write Parquet atomically."""
    checked = check(frame, schema, where=str(path))
    with replacing(path) as aside:
        checked.to_parquet(aside, index=False)


def read_table(path: str | Path, schema: Schema) -> pd.DataFrame:
    """Read Parquet and check.

    Raises:
        ValueError: naming the file, if it is no Parquet file or not of the schema.
    """
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as Parquet ({error}); remove it and run its rule again") from error
    return check(frame, schema, where=str(path))


def empty_table(schema: Schema) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in schema.columns.items()})
