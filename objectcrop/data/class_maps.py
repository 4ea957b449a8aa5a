"""Class maps of data sets: an image file with the class of each pixel, of ADE20K's scene parsing release and of VOC devkits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectcrop.data.containment import require_inside
from objectcrop.data.drawn.classes import drawn_classes
from objectcrop.data.drawn.layouts import VOC_FOLDER
from objectcrop.data.images import decode_indices
from objectcrop.data.readers.ade20k import CLASS_LIST, files_of_part, read_class_list
from objectcrop.data.readers.single_objects import read_sizes
from objectcrop.data.readers.voc import class_map_files
from objectcrop.study.settings.datasets import Ade20kDataset, Dataset, DrawnDataset, Split, VocDataset, VocPart

IGNORED = 255
"""Of a target: no class counts there."""
BACKGROUND = "background"
VOC_CLASSES = (
    *(
        "aeroplane",
        "bicycle",
        "bird",
        "boat",
        "bottle",
        "bus",
        "car",
        "cat",
        "chair",
        "cow",
        "diningtable",
        "dog",
        "horse",
    ),
    *("motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""In the order of their indices, from 1."""
_UNKNOWN = 254
"""Of a lookup: more classes than this no mask of 8 bits has."""
Files = list[tuple[str, str, str]]
"""Id, image and class map, relative to the data root."""
_DRAWN_SETS: dict[Split, str] = {"train": "trainval", "test": "test"}
"""Image set of the drawn devkit for each split."""


@dataclass(frozen=True)
class MappedImage:
    """An image, its class map, and the name of both."""

    image_id: str
    image: Path
    class_map: Path


@dataclass(frozen=True)
class MappedDataset:
    """The images of a data set that have class maps.

    Attributes:
        name: of the data set.
        classes: name by index in the class maps; the targets of training are the places in this order.
        ignored: indices that count as no class.
        images: of each split, in the order of the data set's files.
    """

    name: str
    classes: dict[int, str]
    ignored: frozenset[int]
    images: dict[Split, list[MappedImage]]

    @cached_property
    def _targets(self) -> NDArray[np.uint8]:
        lookup = np.full(256, _UNKNOWN, dtype=np.uint8)
        lookup[list(self.ignored)] = IGNORED
        lookup[list(self.classes)] = np.arange(len(self.classes))
        return lookup

    def read_targets(self, image: MappedImage, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the class of each pixel by its place among the classes, or IGNORED, shape (height, width).

        Args:
            image: whose class map is read.
            size: width and height that it must have, pixels.

        Raises:
            ValueError: naming the file, if it is missing, no 8-bit mask, of another size or has an index that is no class.
        """
        path = image.class_map
        if not path.is_file():
            raise ValueError(f"{path}: the class map of this image is not there; get the whole data set")
        indices = decode_indices(path, palette=True)
        height, width = indices.shape
        if (width, height) != tuple(size):
            raise ValueError(
                f"{path}: the class map is {width} x {height}, its image {size[0]} x {size[1]} pixels; get both again, or "
                f"set datasets.{self.name}.size_mismatch: list to leave such images out"
            )
        targets = self._targets[indices]
        if (targets == _UNKNOWN).any():
            unknown = np.unique(indices[targets == _UNKNOWN]).tolist()
            raise ValueError(
                f"{path}: index(es) {unknown} are no class: expected {min(self.classes)} to {max(self.classes)}, or "
                f"{sorted(self.ignored)} for pixels that count as none"
            )
        return targets


def list_class_maps(name: str, dataset: Dataset, root: Path) -> MappedDataset:
    """Return the images with class maps of the splits train and test; no class map is decoded.

    Images whose class map has another size are left out where the settings list them (`size_mismatch`).

    Raises:
        FileNotFoundError: if an image set or a folder is not there.
        ValueError: if the data set has no class maps, lacks a split, or a path leads outside the data root.
    """
    if isinstance(dataset, DrawnDataset):
        names = [kind.name for kind in drawn_classes(dataset.num_classes, dataset.class_cue)]
        return _mapped(name, _with_background(names), {IGNORED}, _files_in(_drawn_parts(name), root), root)
    if isinstance(dataset, VocDataset):
        classes, ignored = _with_background(VOC_CLASSES), {IGNORED}
        files = _files_in(dataset.parts, root)
    elif isinstance(dataset, Ade20kDataset):
        classes, ignored = read_class_list(root / dataset.folder / CLASS_LIST), {0}
        files = {split: files_of_part(dataset, part, root) for split, part in dataset.parts.items()}
    else:
        raise ValueError(f"datasets.{name}: class maps need source ade20k, voc or drawn, got {dataset.source}")
    named = [path for part in files.values() for _, *paths in part for path in paths]
    require_inside(named, root, name=name, allow_links_outside=dataset.allow_links_outside)
    if dataset.size_mismatch == "list":
        files = {split: _of_one_size(part, root, label=f"sizes of {name} {split}") for split, part in files.items()}
    return _mapped(name, classes, ignored, files, root)


def _drawn_parts(name: str) -> dict[Split, tuple[VocPart, ...]]:
    devkit = f"drawn/{name}/{VOC_FOLDER}"
    return {split: (VocPart(devkit=devkit, image_set=image_set),) for split, image_set in _DRAWN_SETS.items()}


def _with_background(names: Iterable[str]) -> dict[int, str]:
    return dict(enumerate((BACKGROUND, *names)))


def _files_in(parts: Mapping[Split, tuple[VocPart, ...]], root: Path) -> dict[Split, Files]:
    return {split: [file for part in parts[split] for file in class_map_files(part, root)] for split in parts}


def _of_one_size(files: Files, root: Path, *, label: str) -> Files:
    images, maps = (read_sizes([file[place] for file in files], root, label=label) for place in (1, 2))
    # one that cannot be opened has no size: reading it says why
    differs = (images != maps).any(axis=1) & np.isfinite(images).all(axis=1) & np.isfinite(maps).all(axis=1)
    return [file for file, is_other in zip(files, differs, strict=True) if not is_other]


def _mapped(
    name: str, classes: Mapping[int, str], ignored: set[int], files: Mapping[Split, Files], root: Path
) -> MappedDataset:
    if missing := [split for split in _DRAWN_SETS if not files.get(split)]:
        raise ValueError(f"datasets.{name}: no image with a class map in split(s) {', '.join(missing)}; add them")
    images = {
        split: [MappedImage(image_id, root / image, root / mask) for image_id, image, mask in files[split]]
        for split in _DRAWN_SETS
    }
    return MappedDataset(name, dict(sorted(classes.items())), frozenset(ignored), images)
