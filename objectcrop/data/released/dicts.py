"""The authors' released dictionaries as tables: image id -> class ids, or image id -> rows of the box CSV."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS
from objectcrop.data.relative_boxes import checked_corners
from objectcrop.data.released.pickle import load_released
from objectcrop.runtime.array_pickle import describe_value

ROWS_KEY = "data"
NUM_COLUMNS = 13
"""Columns of an Open Images box CSV; V6 appends others."""
_IMAGE, _SOURCE, _CLASS = 0, 1, 2
_XMIN, _XMAX, _YMIN, _YMAX = 4, 5, 6, 7
_FLAGS = {"is_group_of": 10, "is_depiction": 11}
_LONGEST_ID = 64
_Where = Callable[[int], str]


@dataclass(frozen=True)
class Released:
    """One released dictionary.

    Attributes:
        labels: image_id, class_id: the distinct classes of every image, in the order of the file.
        boxes: ANNOTATIONS without a split, in the order of the file; empty if the file has class ids only.
    """

    labels: pd.DataFrame
    boxes: pd.DataFrame


def read_released(path: Path) -> Released:
    """Read a released dictionary.

    Args:
        path: a .npy file with image id -> list of class ids, image id -> list of CSV rows, or image id -> {"data": rows}.

    Raises:
        ValueError: one sentence that names the file, and the image where there is one, if it is no such dictionary.
    """
    content = load_released(path)
    if not content:
        raise ValueError(f"{path}: names no image")
    labels: list[tuple[str, str]] = []
    rows: list[list[Any]] = []
    for image_id, value in content.items():
        where = f"{path}, image {image_id[:40]!r}"
        if not (0 < len(image_id) <= _LONGEST_ID and image_id.isascii() and "/" not in image_id):
            raise ValueError(f"{where}: expected an image id, 16 hexadecimal digits without a suffix")
        entries = _rows_of(value, where)
        if entries and isinstance(entries[0], str):
            labels += dict.fromkeys((image_id, _class_id(text, where)) for text in entries)
        else:
            rows += _checked_rows(entries, image_id, where)
    boxes = _boxes(rows, lambda row: f"{path}, image {rows[row][_IMAGE]!r}")
    of_boxes = boxes[["image_id", "class_id"]].drop_duplicates()
    listed = pd.DataFrame(labels, columns=["image_id", "class_id"], dtype="str")
    return Released(pd.concat([listed, of_boxes], ignore_index=True), boxes)


def read_released_apart(path: Path) -> Released:
    """Call `read_released` in a process of its own, so that a file which brings Python down brings down nothing else.

    Raises:
        ValueError: as `read_released`, and if the process dies.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(read_released, path).result()
        except BrokenProcessPool as error:
            raise ValueError(
                f"{path}: rejected, as reading it brought Python down; take the file as released"
            ) from error


def _rows_of(value: Any, where: str) -> list[Any]:
    """Return the list of an image: of class ids, or of rows.

    Raises:
        ValueError: if it is no list, or an empty one.
    """
    if isinstance(value, dict):
        if ROWS_KEY not in value:
            raise ValueError(f"{where}: a dictionary without {ROWS_KEY!r}, where the rows should be")
        value = value[ROWS_KEY]
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{where}: expected a list of class ids or of CSV rows, got {describe_value(value)}")
    return list(value)


def _class_id(text: Any, where: str) -> str:
    if not (isinstance(text, str) and text.startswith("/") and text.isascii() and len(text) <= _LONGEST_ID):
        raise ValueError(f"{where}: expected a class id such as '/m/0284d', got {describe_value(text)}")
    return text


def _checked_rows(rows: list[Any], image_id: str, where: str) -> Iterator[list[Any]]:
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) < NUM_COLUMNS:
            raise ValueError(
                f"{where}: expected rows of {NUM_COLUMNS} values, as in a box CSV of Open Images, got {describe_value(row)}"
            )
        if row[_IMAGE] != image_id:
            raise ValueError(f"{where}: holds a row of image {describe_value(row[_IMAGE])}")
        _class_id(row[_CLASS], where)
        if not isinstance(row[_SOURCE], str) or not row[_SOURCE].isascii():
            raise ValueError(
                f"{where}: expected the source of a box in column {_SOURCE + 1}, got {describe_value(row[_SOURCE])}"
            )
        yield list(row)


def _boxes(rows: list[list[Any]], where: _Where) -> pd.DataFrame:
    corners = np.stack([_numbers(rows, column, where) for column in (_XMIN, _YMIN, _XMAX, _YMAX)], axis=1)
    flags = {name: _flag(_numbers(rows, column, where), name, where) for name, column in _FLAGS.items()}
    texts = {"image_id": _IMAGE, "class_id": _CLASS, "source": _SOURCE}
    columns = {name: pd.Series([row[column] for row in rows], dtype="str") for name, column in texts.items()}
    inside = checked_corners(corners, where=where)
    return pd.DataFrame(columns | dict(zip(CORNERS, inside.T, strict=True)) | flags | {"is_crowd": False})


def _numbers(rows: list[list[Any]], column: int, where: _Where) -> NDArray[np.float64]:
    numbers = np.empty(len(rows))
    for place, row in enumerate(rows):
        try:
            numbers[place] = float(row[column])
        except (TypeError, ValueError, OverflowError) as error:
            value = describe_value(row[column])
            raise ValueError(f"{where(place)}: column {column + 1} of a row is no number: {value}") from error
    return numbers


def _flag(values: NDArray[np.float64], name: str, where: _Where) -> NDArray[np.bool_]:
    """Return a flag; -1 (unknown) counts as not set."""
    wrong = ~np.isin(values, [-1, 0, 1])
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(f"{where(first)}: {name} must be -1, 0 or 1, got {values[first]:g}")
    return np.equal(values, 1)
