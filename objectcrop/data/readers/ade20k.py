"""ADE20K's scene parsing release (Zhou et al. 2017): masks of 150 classes, no instances."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS
from objectcrop.data.images import decode_indices
from objectcrop.data.readers.single_objects import read_sizes
from objectcrop.data.stated_sizes import STATED
from objectcrop.runtime.progress import Progress
from objectcrop.study.settings.datasets import Ade20kDataset

RelativeBox = tuple[float, float, float, float]
CLASS_LIST = "objectInfo150.txt"
_SUFFIX = ".jpg"


def list_ade20k(dataset: Ade20kDataset, root: Path) -> pd.DataFrame:
    """Return the images of the parts: image_id, path, split, and as stated size that of the mask; the id is the file name's stem.

    A mask that is not there, or no image, states no size: reading it as annotations says so.

    Raises:
        ValueError: if a part has none.
    """
    rows = []
    for split, part in dataset.parts.items():
        files = files_of_part(dataset, part, root)
        sizes = read_sizes([mask for _, _, mask in files], root, label=f"sizes of ade20k {part}'s masks")
        rows += [(image_id, image, split, *size) for (image_id, image, _), size in zip(files, sizes, strict=True)]
    return pd.DataFrame(rows, columns=["image_id", "path", "split", *STATED])


def ade20k_files(dataset: Ade20kDataset, root: Path) -> list[str]:
    """Return every image and mask of the parts, relative to the data root; none is opened."""
    return [
        path for part in dataset.parts.values() for _, *paths in files_of_part(dataset, part, root) for path in paths
    ]


def read_ade20k_boxes(dataset: Ade20kDataset, root: Path) -> pd.DataFrame:
    """Return ANNOTATIONS of the masks: for each class that a mask shows, one box around all its pixels, flagged `is_group_of`.

    A mask says which class a pixel belongs to, not which object: the box may hold one object or many, and what is between
    them. 0 is unlabelled. The class id is its name in objectInfo150.txt.

    Raises:
        ValueError: naming the file, if a mask is missing, no 8-bit grey image, of another size than its image (unless the
            settings list such images), or has a class that objectInfo150.txt lacks.
    """
    names = read_class_list(root / dataset.folder / CLASS_LIST)
    rows = []
    for split, part in dataset.parts.items():
        files = files_of_part(dataset, part, root)
        sizes = read_sizes([image for _, image, _ in files], root, label=f"sizes of ade20k {part}")
        if dataset.size_mismatch == "list":
            sizes[:] = np.nan  # indexing leaves the images out whose masks have another size
        with Progress(f"masks of ade20k {part}", total=len(files), unit="masks") as progress:
            for (image_id, _, mask), size in zip(files, sizes, strict=True):
                boxes = _named_boxes(root / mask, size, names)
                rows += [(image_id, split, class_id, *box) for class_id, box in boxes.items()]
                progress.advance()
    frame = pd.DataFrame(rows, columns=["image_id", "split", "class_id", *CORNERS])
    return frame.assign(is_group_of=True, is_crowd=False, is_depiction=False, source="ade20k")


def files_of_part(dataset: Ade20kDataset, part: str, root: Path) -> list[tuple[str, str, str]]:
    """Return id, image and mask of each image of a part."""
    images, masks = (f"{dataset.folder}/{kind}/{part}" for kind in ("images", "annotations"))
    return [
        (image_id, f"{images}/{image_id}{_SUFFIX}", f"{masks}/{image_id}.png") for image_id in _image_ids(root / images)
    ]


def _image_ids(folder: Path) -> list[str]:
    ids = sorted(name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX))
    if not ids:
        raise ValueError(f"{folder}: holds no image that ends in {_SUFFIX}")
    return ids


def _named_boxes(path: Path, size: NDArray[np.float64], names: dict[int, str]) -> dict[str, RelativeBox]:
    boxes = class_boxes(_read_mask(path, size))
    if unknown := sorted(set(boxes) - set(names)):
        raise ValueError(f"{path}: class(es) {unknown} are not among the {len(names)} of objectInfo150.txt")
    return {names[label]: box for label, box in boxes.items()}


def class_boxes(mask: NDArray[np.uint8]) -> dict[int, RelativeBox]:
    """Return the relative box (x1, y1, x2, y2) of each class of a mask, shape (height, width); 0 is no class."""
    from scipy.ndimage import find_objects  # here and not above: every other data set would wait half a second for it

    height, width = mask.shape
    boxes = {}
    for label, place in enumerate(find_objects(mask), start=1):
        if place is not None:
            rows, columns = place
            boxes[label] = (columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
    return boxes


def read_class_list(path: Path) -> dict[int, str]:
    """Return names by index from objectInfo150.txt: a header with Idx and Name, fields apart by tabs.

    Raises:
        ValueError: naming file and line, if it is not of that form, or an index or a name repeats.
    """
    names: dict[int, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        header = [name.strip() for name in rows.fieldnames or ()]
        if not {"Idx", "Name"} <= set(header):
            raise ValueError(f"{path}, line 1: expected a header with Idx and Name, apart by tabs; got {header}")
        rows.fieldnames = header
        for row in rows:
            index, name = (row["Idx"] or "").strip(), (row["Name"] or "").strip()
            place = f"{path}, line {rows.line_num}"
            if not index.isdecimal() or not 1 <= int(index) <= 255 or not name:
                raise ValueError(f"{place}: expected an index of 1 to 255 and a name, got {index!r} and {name!r}")
            if int(index) in names or name in names.values():
                raise ValueError(f"{place}: index {index} or name {name!r} occurs more than once")
            names[int(index)] = name
    return names


def _read_mask(path: Path, size: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return a mask, shape (height, width); `size` is that of its image, NaN if the image cannot be opened."""
    if not path.is_file():
        raise ValueError(f"{path}: the mask of this image is not there; get the whole data set")
    mask = decode_indices(path)
    height, width = mask.shape
    if np.isfinite(size).all() and (width, height) != tuple(size):
        raise ValueError(f"{path}: the mask is {width} x {height}, its image {size[0]:.0f} x {size[1]:.0f} pixels")
    return mask
