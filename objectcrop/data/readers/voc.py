"""PASCAL VOC devkits: a folder VOC<year> with JPEGImages, Annotations (XML) and ImageSets/Main."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from objectcrop.boxes import CORNERS
from objectcrop.data.containment import path_named
from objectcrop.data.relative_boxes import TOLERANCE, checked_corners, half_open
from objectcrop.data.stated_sizes import STATED
from objectcrop.study.settings.datasets import Split, VocDataset, VocPart

_SHOWN = 5
_PARTS = {
    "Main": ("JPEGImages", "Annotations", "ImageSets/Main"),
    "Segmentation": ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"),
}
ImageSets = Literal["Main", "Segmentation"]
"""Folder of image sets: those of boxes, and those of class maps."""
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def list_voc(dataset: VocDataset, root: Path) -> pd.DataFrame:
    """Return the images of the image sets: image_id, path, split, stated size; the id is the file name without suffix.

    An image without XML has no stated size: a set of which nothing but images is used needs none.

    Raises:
        ValueError: naming the XML, if it is not of VOC's form.
    """
    rows = [
        (image_id, image, split, *_stated_size(root / xml))
        for split, parts in dataset.parts.items()
        for part in parts
        for image_id, image, xml in _files_of(part, root)
    ]
    columns = ["image_id", "path", "split", *STATED]
    return pd.DataFrame(rows, columns=columns).sort_values(["split", "image_id"], ignore_index=True)


def image_set_files(dataset: VocDataset) -> list[str]:
    """Return the image sets of a data set, relative to the data root."""
    return [_image_set_file(part) for parts in dataset.parts.values() for part in parts]


def voc_files(dataset: VocDataset, root: Path) -> list[str]:
    """Return every image and XML that the image sets name, relative to the data root; none is opened."""
    parts = [part for parts in dataset.parts.values() for part in parts]
    return [path for part in parts for _, *paths in _files_of(part, root) for path in paths]


def _files_of(part: VocPart, root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield id, image and XML of each image of an image set."""
    for image_id in read_image_set(part, root):
        yield (
            image_id,
            path_named(f"{part.devkit}/JPEGImages", f"{image_id}.jpg"),
            path_named(f"{part.devkit}/Annotations", f"{image_id}.xml"),
        )


def _image_set_file(part: VocPart, kind: ImageSets = "Main") -> str:
    return f"{part.devkit}/ImageSets/{kind}/{part.image_set}.txt"


def class_map_files(part: VocPart, root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield id, image and class map of each image of an image set under ImageSets/Segmentation.

    Raises:
        FileNotFoundError, ValueError: as `read_image_set`.
    """
    for image_id in read_image_set(part, root, "Segmentation"):
        yield (
            image_id,
            path_named(f"{part.devkit}/JPEGImages", f"{image_id}.jpg"),
            path_named(f"{part.devkit}/SegmentationClass", f"{image_id}.png"),
        )


def read_image_set(part: VocPart, root: Path, kind: ImageSets = "Main") -> list[str]:
    """Return the ids of an image set, in the file's order.

    In the set of a class, as `dog_train`, a second column says whether an image shows it: those of -1 do not, and are left
    out; 0 (only difficult ones) and 1 stay.

    Raises:
        FileNotFoundError: if it is not there, naming the sets that there are, or what the folder holds in place of a devkit.
        ValueError: naming file and line, if an id repeats; the file, if no image is left.
    """
    path = root / _image_set_file(part, kind)
    if not path.is_file():
        raise FileNotFoundError(_why_no_image_set(part, root, kind))
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


def _why_no_image_set(part: VocPart, root: Path, kind: ImageSets) -> str:
    """Return what is wrong with a devkit that lacks an image set."""
    devkit = root / part.devkit
    lacking = [name for name in _PARTS[kind] if not (devkit / name).is_dir()]
    if lacking:
        entries = sorted(os.listdir(devkit)) if devkit.is_dir() else []
        inside = (
            f"it holds {', '.join(entries[:_SHOWN])}{', ...' if len(entries) > _SHOWN else ''}"
            if entries
            else "it is empty"
        )
        return (
            f"{devkit}: is no VOC devkit: expected the folders {', '.join(_PARTS[kind])}, but it lacks {', '.join(lacking)}, and "
            f"{inside}; name the folder VOC<year> itself as devkit"
        )
    folder = devkit / "ImageSets" / kind
    image_sets = sorted(file.stem for file in folder.glob("*.txt"))
    if not image_sets:
        return f"{folder}: expected image sets such as {part.image_set}.txt, but there is no .txt in it; get the whole devkit"
    return f"{root / _image_set_file(part, kind)}: there is no such image set; name one of {', '.join(image_sets)} as image_set"


def read_voc_boxes(part: VocPart, root: Path, split: Split) -> pd.DataFrame:
    """Return the objects of an image set as ANNOTATIONS; `difficult` is flagged as crowd, which metrics leave out.

    VOC counts pixels from 1 and includes the last one: xmin 1, xmax W is the whole width. An overflow of one pixel, as
    0-based files have it, is clipped.

    Raises:
        FileNotFoundError: if an image has no XML.
        ValueError: naming the XML, if it is not of VOC's form or a box is not in the image.
    """
    parsed = [row for image_id, _, xml in _files_of(part, root) for row in _read_objects(root / xml, image_id)]
    files = [row.pop("file") for row in parsed]
    sizes = np.array([row.pop("size") for row in parsed], dtype=np.float64).reshape(-1, 2)
    corners = np.array([row.pop("corners") for row in parsed], dtype=np.float64).reshape(-1, 4) / np.tile(sizes, 2)
    slack = np.tile(np.maximum(TOLERANCE, 1 / sizes), 2)
    checked = checked_corners(corners, where=lambda row: str(files[row]), tolerance=slack)
    frame = pd.DataFrame(parsed, columns=["image_id", "class_id", "is_crowd"])
    frame[CORNERS] = checked
    return frame.assign(is_group_of=False, is_depiction=False, source=Path(part.devkit).name.lower(), split=split)


def read_voc_classes(part: VocPart, root: Path) -> set[str]:
    """Return the names of the classes of an image set's objects; each XML must be of the form of `read_voc_boxes`.

    Raises:
        FileNotFoundError, ValueError: as there.
    """
    return {
        row["class_id"] for image_id, _, xml in _files_of(part, root) for row in _read_objects(root / xml, image_id)
    }


def _read_objects(path: Path, image_id: str) -> list[dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the image's annotations are not there; get the whole devkit")
    try:
        tree = ElementTree.parse(path).getroot()  # noqa: S314 (expat from 2.4.1 on ends entities that multiply, a test says so)
        size = _size_in(tree)
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
        raise ValueError(f"{path}: is not of the form of VOC annotations ({error!s:.300})") from error


def _stated_size(path: Path) -> tuple[float, float]:
    """Return the width and height that an XML states, pixels; NaN if it is not there."""
    if not path.is_file():
        return (math.nan, math.nan)
    try:
        return _size_in(ElementTree.parse(path).getroot())  # noqa: S314 (as in _read_objects)
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{path}: is not of the form of VOC annotations ({error!s:.300})") from error


def _size_in(tree: ElementTree.Element) -> tuple[float, float]:
    size = (float(_text(tree, "size/width")), float(_text(tree, "size/height")))
    if not all(side >= 1 for side in size):  # NaN is no size either
        raise ValueError(f"the image's size is {size}")
    return size


def _text(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"<{path}> is missing")
    return text.strip()
