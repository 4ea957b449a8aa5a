"""Caltech-UCSD Birds 200-2011 (Wah et al. 2011, CNS-TR-2011-001): five lists over numbers of images."""

from pathlib import Path

import pandas as pd

from objectcrop.data.containment import path_named
from objectcrop.data.readers.single_objects import OBJECTS
from objectcrop.data.readers.text_lists import Line, read_list, require_keys
from objectcrop.study.settings.fine_grained import CUB_LISTS, CubDataset

_FORMS = (
    ("image", "file"),
    ("class", "name"),
    ("image", "class"),
    ("image", "x", "y", "width", "height"),
    ("image", "is_training"),
)
_SPLITS = {"1": "train", "0": "test"}


def read_cub(dataset: CubDataset, root: Path) -> pd.DataFrame:
    """Return the OBJECTS of both splits; class ids are names (`001.Black_footed_Albatross`), image ids files without suffix.

    Boxes are x, y, width and height in pixels, taken as counted from 0.

    Raises:
        ValueError: naming file and line, if a list is not of its form, or names an image or class that another lacks.
    """
    folder = root / dataset.folder
    lists = [read_list(folder / name, form) for name, form in zip(CUB_LISTS, _FORMS, strict=True)]
    files, classes, labels, boxes, trainings = lists
    for name, lines in zip(CUB_LISTS[2:], (labels, boxes, trainings), strict=True):
        require_keys(lines, files, path=folder / name, what="image")
        _reject_unknown(lines, files, "image", folder / CUB_LISTS[0])
    rows = []
    for number, file in files.items():
        (name,) = file.fields
        x, y, width, height = boxes[number].numbers()
        class_id = _looked_up(labels[number], classes, folder / CUB_LISTS[1])
        path = path_named(f"{dataset.folder}/images", name)
        place = boxes[number].place
        rows.append((_image_id(name), path, _split(trainings[number]), class_id, x, y, x + width, y + height, place))
    return pd.DataFrame(rows, columns=OBJECTS)


def _reject_unknown(lines: dict[str, Line], allowed: dict[str, Line], what: str, path: Path) -> None:
    for key, line in lines.items():
        if key not in allowed:
            raise ValueError(f"{line.place}: {what} {key!r} is not in {path}")


def _looked_up(label: Line, classes: dict[str, Line], path: Path) -> str:
    if label.fields[0] not in classes:
        raise ValueError(f"{label.place}: class {label.fields[0]!r} is not in {path}")
    return classes[label.fields[0]].fields[0]


def _split(training: Line) -> str:
    if training.fields[0] not in _SPLITS:
        raise ValueError(f"{training.place}: expected 1 (training) or 0 (test), got {training.fields[0]!r}")
    return _SPLITS[training.fields[0]]


def _image_id(name: str) -> str:
    return name.rsplit(".", 1)[0]
