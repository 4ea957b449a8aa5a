"""Boxes that somebody else made, checked at the border: Parquet in our columns, or COCO's JSON."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from objectcrop.boxes import CORNERS, Size
from objectcrop.proposals.table import BoxTable, ImageProposals
from objectcrop.tables import PROPOSALS, read_table

MAX_OUTSIDE_PX = 1.0
"""Rounding that is cut off at the border; more is an error."""
MAX_SHOWN = 200
"""Characters of an entry in a message."""
COCO_DIGITS = 12
"""COCO's files are named by their id in this many digits, its results by the bare number."""


def read_external(path: Path, sizes: dict[str, Size], max_boxes: int) -> Iterator[ImageProposals]:
    """Return the best boxes of each image that the file and the data set share, in the order of the data set.

    Args:
        path: `.parquet` with the columns of PROPOSALS, or `.json`: COCO results (a list of objects with image_id, bbox
            and score), or COCO instances (an object with images and annotations, a score where there is one).
        sizes: of the images that are to get proposals; others in the file are left out.
        max_boxes: kept of each image.

    Raises:
        FileNotFoundError: naming the file.
        ValueError: naming the file and the first offender, if it is none of these, no image of it is in the data set, or a
            box is no number, inverted, or outside its image.
    """
    rows = _rows(path)
    in_data_set = rows["image_id"].isin(sizes.keys())
    if not in_data_set.any():
        raise ValueError(
            f"{path}: none of its {rows['image_id'].nunique()} images is in the data set's training split; it has "
            f"{rows['image_id'].iloc[0]!r}, the data set {next(iter(sizes), 'no image')!r}"
            if len(rows)
            else f"{path}: holds no boxes"
        )
    rows = rows[in_data_set]
    _check_boxes(path, rows, sizes)
    rows = _without_repeated(path, rows)
    return _best(rows.sort_values("score", ascending=False, kind="stable"), sizes, max_boxes)


def _best(rows: pd.DataFrame, sizes: dict[str, Size], max_boxes: int) -> Iterator[ImageProposals]:
    boxes, scores = BoxTable(rows["image_id"], rows), rows["score"].to_numpy(dtype=np.float64)
    for name, size in sizes.items():
        if name in boxes:
            yield ImageProposals(name, size, boxes[name][:max_boxes], scores[boxes.rows(name)[:max_boxes]])


def _rows(path: Path) -> pd.DataFrame:
    """Columns image_id, corners, score; of equal scores the better one first."""
    if path.suffix not in (".parquet", ".json"):
        raise ValueError(f"{path}: external proposals are .parquet or .json, not {path.suffix!r}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the file of boxes is not there; put it there, or set the source's `file`")
    if path.suffix == ".parquet":
        table = read_table(path, PROPOSALS).sort_values("rank", kind="stable")
        falling = table.groupby("image_id")["score"].is_monotonic_decreasing
        if not falling.all():
            raise ValueError(f"{path}: the scores of image {falling.index[~falling][0]!r} rise along its ranks")
        return table
    return _coco_rows(path)


def _coco_rows(path: Path) -> pd.DataFrame:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of JSON, or of text that is no UTF-8
        raise ValueError(f"{path}: not valid JSON ({error})") from error
    rows, entry = [], None
    try:
        if isinstance(content, dict):
            names = {image["id"]: Path(image["file_name"]).stem for image in content["images"]}
            for entry in content["annotations"]:
                rows.append(_row(names[entry["image_id"]], entry))
        else:
            for entry in content:
                rows.append(_row(_file_stem(entry["image_id"]), entry))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        place = "" if entry is None else f"entry {len(rows)}, {_shortened(entry)}: "
        raise ValueError(
            f"{path}: {place}neither COCO results (image_id, bbox of 4 numbers, score) nor COCO instances ({_shortened(error)})"
        ) from error
    return pd.DataFrame(rows, columns=["image_id", *CORNERS, "score"])


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} ..."


def _row(image_id: str, entry: dict[str, Any]) -> tuple[Any, ...]:
    image_id.encode()  # half a character, which JSON can hold, is no text for a table
    left, top, width, height = (_number(number) for number in entry["bbox"])
    return image_id, left, top, left + width, top + height, _number(entry.get("score", 0.0))


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is no number")
    return float(value)  # type: ignore[arg-type]


def _file_stem(image_id: int | str) -> str:
    return image_id if isinstance(image_id, str) else f"{image_id:0{COCO_DIGITS}d}"


def _check_boxes(path: Path, rows: pd.DataFrame, sizes: dict[str, Size]) -> None:
    corners = rows[CORNERS].to_numpy(dtype=np.float64)
    limits = np.array([sizes[name] for name in rows["image_id"]], dtype=np.float64)
    for fault, message in (
        (~np.isfinite(np.column_stack([corners, rows["score"]])).all(axis=1), "is no number, or its score is none"),
        ((corners[:, 2:] <= corners[:, :2]).any(axis=1), "has no area or is inverted"),
        (
            ((corners[:, :2] < -MAX_OUTSIDE_PX) | (corners[:, 2:] > limits + MAX_OUTSIDE_PX)).any(axis=1),
            "is outside its image; pixels of the decoded image are expected",
        ),
    ):
        if fault.any():
            row = rows[fault].iloc[0]
            size = sizes[row["image_id"]]
            raise ValueError(
                f"{path}: row {row.name}: a box of image {row['image_id']!r} ({size.width} x {size.height}) {message}: "
                f"{_corners(row)}, score {row['score']} ({int(fault.sum())} such boxes)"
            )
    # within the first pixel, and not on its corners: nobody finds objects there
    shares = (corners.max(axis=1) <= 1) & (limits.min(axis=1) > 1) & (corners != np.floor(corners)).any(axis=1)
    if shares.any():
        row = rows[shares].iloc[0]
        raise ValueError(
            f"{path}: {int(shares.sum())} of {len(rows)} boxes are shares of the image (0 to 1), pixels of the decoded image are "
            f"expected: row {row.name}, a box of image {row['image_id']!r}, is {_corners(row)}; multiply by the image's sides"
        )


def _without_repeated(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without boxes that an image has already with at least that score; how many is printed."""
    ordered = rows.sort_values("score", ascending=False, kind="stable")
    repeated = ordered[ordered.duplicated(["image_id", *CORNERS])]
    if repeated.empty:
        return rows
    row = repeated.iloc[0]
    print(
        f"warning: {path}: {len(repeated)} boxes repeat another of their image and are left out; row {row.name}: "
        f"{_corners(row)} of image {row['image_id']!r}",
        file=sys.stderr,
        flush=True,
    )
    return rows.drop(index=repeated.index)


def _corners(row: pd.Series) -> list[float]:
    return [float(row[name]) for name in CORNERS]
