"""PASCAL VOC devkits: a folder VOC<year> with JPEGImages, Annotations (XML) and ImageSets/Main."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from objectcrop.boxes import CORNERS
from objectcrop.data.relative_boxes import TOLERANCE, checked_corners, half_open
from objectcrop.study.settings.datasets import Split, VocDataset, VocPart

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def list_voc(dataset: VocDataset, root: Path) -> pd.DataFrame:
    """Return the images (image_id, path, split) of the image sets; the id is the file name without suffix."""
    rows = [
        (image_id, f"{part.devkit}/JPEGImages/{image_id}.jpg", split)
        for split, parts in dataset.parts.items()
        for part in parts
        for image_id in read_image_set(part, root)
    ]
    return pd.DataFrame(rows, columns=["image_id", "path", "split"]).sort_values(
        ["split", "image_id"], ignore_index=True
    )


def read_image_set(part: VocPart, root: Path) -> list[str]:
    """Return the ids of an image set, in the file's order.

    In the set of a class, as `dog_train`, a second column says whether an image shows it: those of -1 do not, and are left
    out; 0 (only difficult ones) and 1 stay.

    Raises:
        FileNotFoundError: naming the sets that there are, if it is not there.
        ValueError: naming file and line, if an id repeats; the file, if no image is left.
    """
    folder = root / part.devkit / "ImageSets" / "Main"
    path = folder / f"{part.image_set}.txt"
    if not path.is_file():
        image_sets = sorted(file.stem for file in folder.glob("*.txt"))
        raise FileNotFoundError(f"{path}: there is no such image set; there are {image_sets}")
    ids: dict[str, None] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        image_id, *presence = line.split() or [""]
        if image_id in ids:
            raise ValueError(f"{path}, line {number}: image {image_id!r} occurs more than once")
        if image_id and presence != ["-1"]:
            ids[image_id] = None
    if not ids:
        raise ValueError(f"{path}: the image set is empty")
    return list(ids)


def read_voc_boxes(part: VocPart, root: Path, split: Split) -> pd.DataFrame:
    """Return the objects of an image set as ANNOTATIONS; `difficult` is flagged as crowd, which metrics leave out.

    VOC counts pixels from 1 and includes the last one: xmin 1, xmax W is the whole width. An overflow of one pixel, as
    0-based files have it, is clipped.

    Raises:
        FileNotFoundError: if an image has no XML.
        ValueError: naming the XML, if it is not of VOC's form or a box is not in the image.
    """
    parsed = [
        row
        for image_id in read_image_set(part, root)
        for row in _read_objects(root / part.devkit / "Annotations" / f"{image_id}.xml", image_id)
    ]
    files = [row.pop("file") for row in parsed]
    sizes = np.array([row.pop("size") for row in parsed], dtype=np.float64).reshape(-1, 2)
    corners = np.array([row.pop("corners") for row in parsed], dtype=np.float64).reshape(-1, 4) / np.tile(sizes, 2)
    slack = np.tile(np.maximum(TOLERANCE, 1 / sizes), 2)
    checked = checked_corners(corners, where=lambda row: str(files[row]), tolerance=slack)
    frame = pd.DataFrame(parsed, columns=["image_id", "class_id", "is_crowd"])
    frame[CORNERS] = checked
    return frame.assign(is_group_of=False, is_depiction=False, source=Path(part.devkit).name.lower(), split=split)


def _read_objects(path: Path, image_id: str) -> list[dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the image's annotations are not there; get the whole devkit")
    try:
        tree = ElementTree.parse(path).getroot()
        size = (float(_text(tree, "size/width")), float(_text(tree, "size/height")))
        if min(size) < 1:
            raise ValueError(f"the image's size is {size}")
        return [
            {
                "file": path,
                "size": size,
                "image_id": image_id,
                "class_id": _text(thing, "name"),
                "is_crowd": thing.findtext("difficult", "0").strip() == "1",
                "corners": half_open([float(_text(thing, f"bndbox/{side}")) for side in _SIDES]),
            }
            for thing in tree.findall("object")
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{path}: is not of the form of VOC annotations ({error})") from error


def _text(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"<{path}> is missing")
    return text.strip()
