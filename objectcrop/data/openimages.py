"""Open Images layout: a box CSV and a flat folder of pictures a split (V4, V5 and V6 have the columns that are read)."""

from pathlib import Path
from typing import get_args

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from objectcrop.data.picture_search import find_pictures
from objectcrop.data.relative_boxes import checked_corners
from objectcrop.study.datasets import DrawnDataset, OpenImagesDataset, Split

_CORNERS = ["XMin", "YMin", "XMax", "YMax"]
_FLAGS = ["IsGroupOf", "IsDepiction"]
_TYPES = {
    "ImageID": pa.string(),
    "Source": pa.string(),
    "LabelName": pa.string(),
    **dict.fromkeys(_CORNERS, pa.float64()),
    **dict.fromkeys(_FLAGS, pa.int8()),
}


def drawn_layout(name: str, dataset: DrawnDataset) -> OpenImagesDataset:
    """Where drawn scenes lie under the data root: they are written in Open Images layout."""
    counts = {"train": dataset.num_train, "validation": dataset.num_validation, "test": dataset.num_test}
    splits: list[Split] = [split for split in get_args(Split) if counts[split] > 0]
    folder = f"drawn/{name}"
    return OpenImagesDataset(
        source="openimages",
        boxes={split: f"{folder}/{split}-annotations-bbox.csv" for split in splits},
        class_descriptions=f"{folder}/class-descriptions-boxable.csv",
        images={split: f"{folder}/{split}" for split in splits},
    )


def list_openimages(dataset: OpenImagesDataset, root: Path) -> pd.DataFrame:
    """The pictures (image_id, path, split) that have boxes in the CSV of their split and lie in its folder.

    Raises:
        ValueError: if a split has none.
    """
    parts = []
    for split, folder in dataset.images.items():
        if split not in dataset.boxes:
            raise ValueError(
                f"the images of split {split!r} have no box CSV: add boxes.{split}, or drop images.{split}"
            )
        with_boxes = _read_columns(root / dataset.boxes[split], ["ImageID"])["ImageID"].unique()
        found = find_pictures(with_boxes, root / folder, suffixes=dataset.image_suffixes, nested=dataset.nested_images)
        ids = sorted(found)
        if not ids:
            raise ValueError(
                f"{root / folder}: holds none of the {len(with_boxes)} pictures <ImageID>{'|'.join(dataset.image_suffixes)} "
                f"that {root / dataset.boxes[split]} has boxes for; fetch them, correct the folder, or set image_suffixes "
                "and nested_images to how they lie"
            )
        print(f"{split}: {len(ids)} of the {len(with_boxes)} pictures with boxes are there", flush=True)
        paths = [f"{folder}/{found[image_id]}" for image_id in ids]
        parts.append(pd.DataFrame({"image_id": ids, "path": paths, "split": split}))
    return pd.concat(parts, ignore_index=True)


def read_openimages_boxes(path: Path, split: Split) -> pd.DataFrame:
    """The rows of a box CSV as ANNOTATIONS; flags of -1 (unknown) count as not set.

    Raises:
        ValueError: naming the file, and the row where there is one: a column is missing, a value has the wrong type, a box
            is not in the picture or turned inside out, an id is empty, or a flag is not -1, 0 or 1.
    """
    rows = _read_columns(path, list(_TYPES))
    for column in ["ImageID", "LabelName"]:
        _refuse(path, rows[column].isna() | (rows[column] == ""), f"{column} is empty")
    for flag in _FLAGS:
        _refuse(path, ~rows[flag].isin([-1, 0, 1]), f"{flag} must be -1, 0 or 1")
    corners = checked_corners(rows[_CORNERS].to_numpy(), where=lambda row: _place(path, row))
    return pd.DataFrame(
        {
            "image_id": rows["ImageID"],
            "class_id": rows["LabelName"],
            **dict(zip(["x1", "y1", "x2", "y2"], corners.T, strict=True)),
            "is_group_of": rows["IsGroupOf"] == 1,
            "is_crowd": False,
            "is_depiction": rows["IsDepiction"] == 1,
            "source": rows["Source"].fillna("unknown"),
            "split": split,
        }
    )


def read_class_names(path: Path) -> dict[str, str]:
    """Display names by class id, from a CSV of (id, name) without header.

    Raises:
        ValueError: naming the file, if it is not of that form or an id repeats.
    """
    try:
        names = pd.read_csv(
            path, header=None, names=["id", "name"], dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: expected rows of class id, display name ({error})") from error
    repeated = names["id"].duplicated()
    if repeated.any():
        raise ValueError(f"{path}: class id {names.loc[repeated, 'id'].iloc[0]!r} occurs more than once")
    return dict(zip(names["id"], names["name"], strict=True))


def _read_columns(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        with pacsv.open_csv(path) as reader:
            header = reader.schema.names
        missing = [column for column in columns if column not in header]
        if missing:
            raise ValueError(f"{path}: lacks the column(s) {missing} of an Open Images box CSV; it has {header}")
        options = pacsv.ConvertOptions(include_columns=columns, column_types={name: _TYPES[name] for name in columns})
        frame: pd.DataFrame = pacsv.read_csv(path, convert_options=options).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path}: cannot be read as an Open Images box CSV ({error})") from error
    return frame


def _refuse(path: Path, bad: pd.Series, problem: str) -> None:
    if bad.any():
        first = int(bad.to_numpy().argmax())
        raise ValueError(f"{_place(path, first)}: {problem}; {int(bad.sum())} such row(s); correct the file")


def _place(path: Path, row: int) -> str:
    """A row as an editor counts it: the header is line 1."""
    return f"{path}, line {row + 2}"
