"""COCO layout: an instances JSON and a flat folder of images a split."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from objectcrop.data.containment import path_named
from objectcrop.data.relative_boxes import checked_corners
from objectcrop.data.stated_sizes import STATED
from objectcrop.study.settings.datasets import CocoDataset, Split

_SIDES = ("width", "height")
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can hold it, a table cannot."""
_MAX_SIDE = 1e9
"""Larger numbers are no pixels, and integers of any length are numbers in JSON."""


def list_coco(dataset: CocoDataset, root: Path) -> pd.DataFrame:
    """Return the images that the JSON of each split names, with and without annotations: image_id, path, split, stated size.

    The id is the file name without suffix, as `000000000139`.
    """
    parts = []
    for split, folder in dataset.images.items():
        if split not in dataset.instances:
            raise ValueError(
                f"the images of split {split!r} have no JSON: add instances.{split}, or drop images.{split}"
            )
        images = _read_instances(root / dataset.instances[split])["images"]
        names = [image["file_name"] for image in images]
        ids = [_image_id(name) for name in names]
        paths = [path_named(folder, name) for name in names]
        sizes = {column: [float(image[side]) for image in images] for column, side in zip(STATED, _SIDES, strict=True)}
        parts.append(pd.DataFrame({"image_id": ids, "path": paths, "split": split, **sizes}))
    return pd.concat(parts, ignore_index=True).sort_values(["split", "image_id"], ignore_index=True)


def read_coco_boxes(path: Path, split: Split) -> pd.DataFrame:
    """Return the annotations of an instances JSON as ANNOTATIONS; the class id is the category's name, `iscrowd` is flagged.

    Raises:
        ValueError: naming the file and the annotation: keys are missing, an id repeats, an image or category is unknown, a
            box is not four numbers, or it is not in its image.
    """
    value = _read_instances(path)
    images = {image["id"]: image for image in value["images"]}
    names = {category["id"]: category["name"] for category in value["categories"]}
    rows = value["annotations"]
    for row in rows:
        if not _is_in(row["image_id"], images) or not _is_in(row["category_id"], names):
            unknown = f"image {row['image_id']!s:.100} or category {row['category_id']!s:.100}"
            raise ValueError(f"{path}, annotation {row.get('id')!s:.100}: {unknown} is unknown")
        if not isinstance(row["bbox"], list) or list(map(_is_number, row["bbox"])) != [True] * 4:
            raise ValueError(
                f"{path}, annotation {row.get('id')!s:.100}: bbox must be four numbers, got {repr(row['bbox'])[:200]}"
            )
    boxes = np.array([row["bbox"] for row in rows], dtype=np.float64).reshape(-1, 4)
    sizes = np.array([[images[row["image_id"]][side] for side in _SIDES] for row in rows]).reshape(-1, 2)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) / np.tile(sizes, 2)
    checked = checked_corners(corners, where=lambda row: f"{path}, annotation {rows[row].get('id')!s:.100}")
    crowds = np.array([bool(row.get("iscrowd", 0)) for row in rows], dtype=bool)
    return pd.DataFrame(
        {
            "image_id": [_image_id(images[row["image_id"]]["file_name"]) for row in rows],
            "class_id": [names[row["category_id"]] for row in rows],
            **dict(zip(["x1", "y1", "x2", "y2"], checked.T, strict=True)),
            "is_group_of": crowds,
            "is_crowd": crowds,
            "is_depiction": False,
            "source": "coco",
            "split": split,
        }
    )


def _is_in(key: Any, values: Mapping[Any, Any]) -> bool:
    return isinstance(key, int | str) and key in values


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= _MAX_SIDE)


def _read_instances(path: Path) -> dict[str, Any]:
    """Return the JSON of a split, its parts checked for the keys that are used.

    Raises:
        ValueError: naming the file and what it lacks.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is cut off or no JSON ({error}); get it again") from error
    wanted = {
        "images": ["id", "file_name", "width", "height"],
        "annotations": ["image_id", "category_id", "bbox"],
        "categories": ["id", "name"],
    }
    for part, keys in wanted.items():
        if not isinstance(value, dict) or not isinstance(value.get(part), list):
            raise ValueError(f"{path}: expected COCO instances with a list of {part}")
        for number, entry in enumerate(value[part]):
            lacking = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if lacking:
                raise ValueError(f"{path}: entry {number} of {part} lacks {lacking}")
    names = [image["file_name"] for image in value["images"]]
    if other := [name for name in names if not isinstance(name, str) or not PurePosixPath(name).name]:
        raise ValueError(f"{path}: images: the file_name {other[0]!r:.200} is no name of a file")
    for part, key in (("images", "id"), ("images", "file_name"), ("categories", "id"), ("categories", "name")):
        _require_distinct(value[part], key, where=f"{path}: {part}")
    for image in value["images"]:
        if not all(type(image[side]) in (int, float) and 1 <= image[side] <= _MAX_SIDE for side in _SIDES):
            raise ValueError(
                f"{path}: image {image['id']!s:.100} has the size {image['width']!r:.100} x {image['height']!r:.100}"
            )
    return dict(value)


def _require_distinct(entries: list[dict[str, Any]], key: str, *, where: str) -> None:
    values = [entry[key] for entry in entries]
    of_other_types = [
        value
        for value in values
        if not isinstance(value, int | str) or (isinstance(value, str) and _HALF.search(value))
    ]
    if of_other_types:
        raise ValueError(f"{where}: the {key} {of_other_types[0]!r:.200} is no number or text")
    counts = Counter(values)
    repeated = [value for value, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(f"{where}: the {key} {repeated[0]!r:.200} occurs {counts[repeated[0]]} times")


def _image_id(file_name: str) -> str:
    return PurePosixPath(file_name).with_suffix("").as_posix()
