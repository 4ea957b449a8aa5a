"""Stanford Cars (Krause et al. 2013): a MATLAB file of annotations a split.

torchvision's StanfordCars does not serve: its paths and labels are a private attribute, and it reads no boxes.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from objectcrop.data.containment import path_named
from objectcrop.data.readers.single_objects import OBJECTS
from objectcrop.data.relative_boxes import half_open
from objectcrop.study.settings.fine_grained import CARS_ANNOTATIONS, CARS_CLASSES, CARS_IMAGES, CarsDataset

_CORNERS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
_FIELDS = (*_CORNERS, "class", "fname")
# What scipy raises on a file that is cut off, damaged, of MATLAB 7.3 or none of MATLAB's, beside its own MatReadError.
_MAT_FAILURES = (OSError, ValueError, TypeError, LookupError, NotImplementedError, zlib.error)


def read_cars(dataset: CarsDataset, root: Path) -> pd.DataFrame:
    """Return the OBJECTS of both splits; the class id is its name (`Audi TT RS Coupe 2012`), the image id `cars_train/00001`.

    Boxes count pixels from 1 and include the last one; classes are numbered from 1.

    Raises:
        ValueError: naming file and entry, if a file is not of its form or a class is unknown.
    """
    folder = root / dataset.folder
    names = [str(name) for name in np.atleast_1d(_variable(folder / CARS_CLASSES, "class_names"))]
    if len(set(names)) != len(names):
        raise ValueError(f"{folder / CARS_CLASSES}: two of the {len(names)} classes have one name")
    rows = []
    for split, file in CARS_ANNOTATIONS.items():
        for number, entry in enumerate(_entries(folder / file), start=1):
            place = f"{folder / file}, entry {number}"
            file = str(entry["fname"])
            name = f"{CARS_IMAGES[split]}/{file}"
            path = path_named(f"{dataset.folder}/{CARS_IMAGES[split]}", file)
            class_id = _class_name(_number(entry["class"], place), names, place)
            corners = half_open(tuple(_number(entry[side], place) for side in _CORNERS))
            rows.append((name.rsplit(".", 1)[0], path, split, class_id, *corners, place))
    return pd.DataFrame(rows, columns=OBJECTS)


def _entries(path: Path) -> Any:
    """Return the annotations of a split, a structured array of shape (n,)."""
    entries = np.atleast_1d(_variable(path, "annotations"))
    lacking = [name for name in _FIELDS if name not in (entries.dtype.names or ())]
    if lacking:
        raise ValueError(f"{path}: the annotations lack {lacking}; test labels are in {CARS_ANNOTATIONS['test']}")
    return entries


def _variable(path: Path, name: str) -> Any:
    # here and not above: every other data set would wait a tenth of a second for it
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        variables = loadmat(path, squeeze_me=True, variable_names=[name])
    except (*_MAT_FAILURES, MatReadError) as error:
        raise ValueError(f"{path}: cannot be read as a MATLAB file ({error})") from error
    if name not in variables:
        raise ValueError(f"{path}: holds no variable {name!r} of Stanford Cars")
    return variables[name]


def _number(value: Any, place: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{place}: expected a number, got {value!r}") from None


def _class_name(number: float, names: list[str], place: str) -> str:
    if number not in range(1, len(names) + 1):
        raise ValueError(f"{place}: class {number:g} is not one of the {len(names)} of {CARS_CLASSES}")
    return names[int(number) - 1]
