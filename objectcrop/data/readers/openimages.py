"""Open Images layout: a box CSV and a flat folder of images a split (V4, V5 and V6 have the columns that are read)."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from objectcrop.codes import categorical
from objectcrop.data.readers.image_search import find_images
from objectcrop.data.readers.packed import unpacked
from objectcrop.data.relative_boxes import checked_corners, lie_inside
from objectcrop.study.settings.datasets import DrawnDataset, OpenImagesDataset, Split

_CORNERS = ["XMin", "YMin", "XMax", "YMax"]
_FLAGS = ["IsGroupOf", "IsDepiction"]
_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    "ImageID": _TEXT,
    "Source": _TEXT,
    "LabelName": _TEXT,
    **dict.fromkeys(_CORNERS, pa.float64()),
    **dict.fromkeys(_FLAGS, pa.int8()),
}
_BLOCK_BYTES = 16 << 20
"""Of the CSV, parsed at a time; each has dictionaries of its own, so that smaller ones cost time."""


def drawn_layout(name: str, dataset: DrawnDataset) -> OpenImagesDataset:
    """Return where drawn scenes are under the data root: they are written in Open Images layout."""
    counts = {"train": dataset.num_train, "validation": dataset.num_validation, "test": dataset.num_test}
    splits: list[Split] = [split for split in get_args(Split) if counts[split] > 0]
    folder = f"drawn/{name}"
    return OpenImagesDataset(
        source="openimages",
        boxes={split: f"{folder}/{split}-annotations-bbox.csv" for split in splits},
        class_descriptions=f"{folder}/class-descriptions-boxable.csv",
        images={split: f"{folder}/{split}" for split in splits},
        allow_links_outside=dataset.allow_links_outside,
    )


def list_openimages(dataset: OpenImagesDataset, root: Path) -> pd.DataFrame:
    """Return the images (image_id, path, split) that have boxes in the CSV of their split and are in its folder.

    Raises:
        ValueError: if a split has none.
    """
    parts = []
    for split, folder in dataset.images.items():
        if split not in dataset.boxes:
            raise ValueError(
                f"the images of split {split!r} have no box CSV: add boxes.{split}, or drop images.{split}"
            )
        with_boxes = categorical(_read_columns(root / dataset.boxes[split], ["ImageID"])["ImageID"]).categories
        files = find_images(
            with_boxes,
            root / folder,
            suffixes=dataset.image_suffixes,
            nested=dataset.nested_images,
            within=None if dataset.allow_links_outside else root,
        )
        ids = sorted(files)
        if not ids:
            raise ValueError(
                f"{root / folder}: holds none of the {len(with_boxes)} images <ImageID>{'|'.join(dataset.image_suffixes)} "
                f"that {root / dataset.boxes[split]} has boxes for; fetch them, correct the folder, or set image_suffixes "
                "and nested_images to match them"
            )
        print(f"{split}: {len(ids)} of the {len(with_boxes)} images with boxes are there", flush=True)
        paths = [f"{folder}/{files[image_id]}" for image_id in ids]
        parts.append(pd.DataFrame({"image_id": ids, "path": paths, "split": split}))
    return pd.concat(parts, ignore_index=True)


def read_openimages_boxes(path: Path, split: Split) -> pd.DataFrame:
    """Return the rows of a box CSV as ANNOTATIONS with categoricals of text; flags of -1 (unknown) count as not set.

    Raises:
        ValueError: naming the file, and the row where there is one: a column is missing, a value has the wrong type, a box
            is not in the image or inverted, an id is empty or holds a control character, or a flag is not
            -1, 0 or 1.
    """
    rows = _read_columns(path, list(_TYPES))
    with ThreadPoolExecutor(1) as beside:  # the ids of the images take as long as all the rest
        image_ids = beside.submit(categorical, rows["ImageID"])
        text = {name: categorical(rows[name]) for name in ["LabelName", "Source"]}
        corners = _checked_columns(path, rows.select(_CORNERS))
        text["ImageID"] = image_ids.result()
    for name in ["ImageID", "LabelName"]:
        _check_ids(path, name, text[name])
    flags = {name: rows[name].to_numpy() for name in _FLAGS}
    for name, values in flags.items():
        _reject(path, ~((values >= -1) & (values <= 1)), f"{name} must be -1, 0 or 1")
    return pd.DataFrame(
        {
            "image_id": text["ImageID"],
            "class_id": text["LabelName"],
            **dict(zip(["x1", "y1", "x2", "y2"], corners, strict=True)),
            "is_group_of": flags["IsGroupOf"] == 1,
            "is_crowd": np.zeros(len(rows), dtype=bool),
            "is_depiction": flags["IsDepiction"] == 1,
            "source": text["Source"],
            "split": pd.Categorical.from_codes(
                np.zeros(len(rows), dtype=np.int8), categories=pd.Index([split], dtype="str")
            ),
        },
        copy=False,
    )


def read_class_names(path: Path) -> dict[str, str]:
    """Return the display names by class id, from a CSV of (id, name) without header.

    Raises:
        ValueError: naming the file, if it is not of that form or an id repeats.
    """
    try:
        with unpacked(path) as file:
            names = pd.read_csv(
                file, header=None, names=["id", "name"], dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: expected rows of class id, display name ({error})") from error
    repeated = names["id"].duplicated()
    if repeated.any():
        raise ValueError(f"{path}: class id {names.loc[repeated, 'id'].iloc[0]!r} occurs more than once")
    return dict(zip(names["id"], names["name"], strict=True))


def _read_columns(path: Path, columns: list[str]) -> pa.Table:
    types = pacsv.ConvertOptions(include_columns=columns, column_types={name: _TYPES[name] for name in columns})
    try:
        with unpacked(path) as file, pacsv.open_csv(file, pacsv.ReadOptions(use_threads=False)) as reader:
            _check_header(path, reader.schema.names, columns)
        try:
            return _read_csv(path, types)
        except pa.ArrowInvalid:
            return _read_csv(path, types, use_threads=False)  # fails again, and says at which row
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = re.sub(r"Row #(\d+)", lambda row: f"line {_line(path, int(row[1]) - 2)}", str(error)[:500])
        raise ValueError(f"{path}: cannot be read as an Open Images box CSV ({reason})") from error


def _check_header(path: Path, header: list[str], columns: list[str]) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(f"{path}: lacks the column(s) {missing} of an Open Images box CSV; it has {_names(header)}")
    repeated = [column for column in columns if header.count(column) > 1]
    if repeated:
        raise ValueError(f"{path}: has the column(s) {repeated} more than once; it has {_names(header)}")


def _names(header: list[str]) -> list[str]:
    """Return the header as a message can hold it: a file that is no CSV can be one line."""
    return [name[:40] for name in header[:30]]


def _read_csv(path: Path, types: pacsv.ConvertOptions, *, use_threads: bool = True) -> pa.Table:
    reading = pacsv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=use_threads)
    # The system's allocator takes up freed blocks again; Arrow's own returns them, and page faults cost a fifth of the time.
    with unpacked(path) as file:
        return pacsv.read_csv(file, reading, convert_options=types, memory_pool=pa.system_memory_pool())


def _checked_columns(path: Path, rows: pa.Table) -> NDArray[np.float32]:
    """Return the corners, shape (4, n), checked and clipped a block at a time."""
    checked = np.empty((4, len(rows)), dtype=np.float32)
    start = 0
    for block in rows.to_batches():
        corners = [column.to_numpy(zero_copy_only=False) for column in block.columns]
        if not lie_inside(*corners):
            whole = np.stack([column.to_numpy() for column in rows.columns], axis=1)
            return checked_corners(whole, where=lambda row: _place(path, row)).T
        for target, source in zip(checked[:, start : start + len(block)], corners, strict=True):
            np.clip(source, 0, 1, out=target)
        start += len(block)
    return checked


def _check_ids(path: Path, name: str, text: pd.Categorical) -> None:
    values = pa.array(text.categories, pa.large_string())  # of a file without rows there is no type to guess
    for problem, bad in {
        "is empty": pc.equal(values, ""),
        "holds a control character": pc.match_substring_regex(values, "[[:cntrl:]]"),
    }.items():
        if pc.any(bad).as_py():
            _reject(path, np.isin(text.codes, np.flatnonzero(bad)), f"{name} {problem}")


def _reject(path: Path, bad: NDArray[np.bool_], problem: str) -> None:
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(f"{_place(path, first)}: {problem}; {int(bad.sum())} such row(s); correct the file")


def _place(path: Path, row: int) -> str:
    return f"{path}, line {_line(path, row)}"


def _line(path: Path, row: int) -> int:
    """Return a row as an editor counts it: the header is line 1, and empty lines, which are passed over, count."""
    with (
        suppress(OSError),  # a damaged .gz, which ends before the row: then without its empty lines
        unpacked(path) as stream,
        io.TextIOWrapper(stream, encoding="latin-1") as text,
    ):
        filled = (number for number, line in enumerate(text, start=1) if line != "\n")
        return next(islice(filled, row + 1, None), row + 2)
    return row + 2
