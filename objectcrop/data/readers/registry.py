"""Any data set by its settings: the images it holds, and its boxes and classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import TypeAdapter

from objectcrop.data.readers.ade20k import list_ade20k, read_ade20k_boxes
from objectcrop.data.readers.aircraft import read_aircraft
from objectcrop.data.readers.cars import read_cars
from objectcrop.data.readers.coco import list_coco, read_coco_boxes
from objectcrop.data.readers.cub import read_cub
from objectcrop.data.readers.folders import label_image_folders, list_folder, list_image_folders
from objectcrop.data.readers.openimages import drawn_layout, list_openimages, read_class_names, read_openimages_boxes
from objectcrop.data.readers.single_objects import list_objects, relative_objects
from objectcrop.data.readers.voc import list_voc, read_voc_boxes
from objectcrop.data.relative_boxes import require_names
from objectcrop.study.settings.datasets import (
    Ade20kDataset,
    CocoDataset,
    Dataset,
    DrawnDataset,
    FolderDataset,
    ImageFoldersDataset,
    OpenImagesDataset,
    VocDataset,
    raw_locations,
)
from objectcrop.study.settings.fine_grained import AircraftDataset, CarsDataset, CubDataset
from objectcrop.study.settings.home_pages import how_to_get
from objectcrop.tables import ANNOTATIONS, empty_table, join_rows


def parse_dataset(value: Mapping[str, Any]) -> Dataset:
    """Return the settings of a data set from plain values.

    Raises:
        ValueError: naming every field that is wrong.
    """
    dataset: Dataset = TypeAdapter(Dataset).validate_python(value)
    return dataset


def require_files(name: str, dataset: Dataset, root: Path) -> None:
    """Check that the files and folders of a data set are there.

    Raises:
        FileNotFoundError: one message that names every missing one and says what to do.
    """
    files = drawn_layout(name, dataset) if isinstance(dataset, DrawnDataset) else dataset
    missing = [str(root / location) for location in raw_locations(files) if not (root / location).exists()]
    if missing:
        what = "run draw_scenes" if isinstance(dataset, DrawnDataset) else how_to_get(dataset.source)
        raise FileNotFoundError(
            f"data set {name}: {len(missing)} file(s) or folder(s) missing: {', '.join(missing)}; {what}, "
            f"correct datasets.{name}, or point data_root to where the data is"
        )


def list_images(name: str, dataset: Dataset, root: Path) -> pd.DataFrame:
    """Return the images of a data set with files of its own: image_id (unique), path relative to the data root, split.

    Raises:
        FileNotFoundError: naming every missing file and folder.
        ValueError: if a split is empty, or an id names two images.
    """
    require_files(name, dataset, root)
    match dataset:
        case DrawnDataset():
            listing = list_openimages(drawn_layout(name, dataset), root)
        case OpenImagesDataset():
            listing = list_openimages(dataset, root)
        case CocoDataset():
            listing = list_coco(dataset, root)
        case VocDataset():
            listing = list_voc(dataset, root)
        case FolderDataset():
            listing = list_folder(dataset, root)
        case ImageFoldersDataset():
            listing = list_image_folders(dataset, root)
        case Ade20kDataset():
            listing = list_ade20k(dataset, root)
        case AircraftDataset() | CubDataset() | CarsDataset():
            listing = list_objects(_read_objects(dataset, root))
        case _:
            raise ValueError(f"data set {name} of source {dataset.source!r} has no image files of its own")
    require_distinct_ids(name, listing)
    return listing


class Labels(NamedTuple):
    """The labels of a data set; `count_train_images(*labels)` makes its CLASSES.

    Attributes:
        boxes: ANNOTATIONS.
        names: display name of each class, at least of those that have boxes.
    """

    boxes: pd.DataFrame
    names: Mapping[str, str]


def read_labels(name: str, dataset: Dataset, root: Path) -> Labels:
    """Return the labels of a data set with files of its own.

    Raises:
        FileNotFoundError: naming every missing file and folder.
        ValueError: naming file and row, if a file is not of its form.
    """
    require_files(name, dataset, root)
    match dataset:
        case DrawnDataset():
            return _read_openimages(drawn_layout(name, dataset), root)
        case OpenImagesDataset():
            return _read_openimages(dataset, root)
        case CocoDataset():
            boxes = [read_coco_boxes(root / path, split) for split, path in dataset.instances.items()]
        case VocDataset():
            boxes = [read_voc_boxes(part, root, split) for split, parts in dataset.parts.items() for part in parts]
        case ImageFoldersDataset():
            boxes = [label_image_folders(list_image_folders(dataset, root))]
        case Ade20kDataset():
            boxes = [read_ade20k_boxes(dataset, root)]
        case AircraftDataset() | CubDataset() | CarsDataset():
            boxes = [relative_objects(_read_objects(dataset, root), root, source=dataset.source)]
        case FolderDataset():
            boxes = []
        case _:
            raise ValueError(f"data set {name} of source {dataset.source!r} has no label files of its own")
    return _called_by_ids(boxes)


def require_distinct_ids(name: str, listing: pd.DataFrame) -> None:
    """Check that an image id names one image.

    Raises:
        ValueError: naming the first id that does not, and its images.
    """
    repeated = listing["image_id"].duplicated(keep=False)
    if repeated.any():
        first = listing.loc[repeated, "image_id"].iloc[0]
        paths = listing.loc[listing["image_id"] == first, "path"].tolist()
        raise ValueError(
            f"data set {name}: image id {first!r} names {len(paths)} images ({', '.join(paths)}); "
            "an image may be in one split and one part only"
        )


def _read_objects(dataset: AircraftDataset | CubDataset | CarsDataset, root: Path) -> pd.DataFrame:
    match dataset:
        case AircraftDataset():
            return read_aircraft(dataset, root)
        case CubDataset():
            return read_cub(dataset, root)
        case CarsDataset():
            return read_cars(dataset, root)


def _read_openimages(dataset: OpenImagesDataset, root: Path) -> Labels:
    names = read_class_names(root / dataset.class_descriptions)
    parts = [read_openimages_boxes(root / path, split) for split, path in dataset.boxes.items()]
    boxes = join_rows(parts, ANNOTATIONS)
    try:
        require_names(boxes, names)
    except ValueError as error:
        raise ValueError(f"{root / dataset.class_descriptions}: {error}") from error
    return Labels(boxes, names)


def _called_by_ids(parts: list[pd.DataFrame]) -> Labels:
    """Return boxes of all parts, whose classes are called by their ids."""
    boxes = pd.concat(parts, ignore_index=True) if parts else empty_table(ANNOTATIONS)
    return Labels(boxes, {class_id: class_id for class_id in boxes["class_id"].unique()})


def join_labels(parts: Sequence[pd.DataFrame], part_classes: Sequence[pd.DataFrame]) -> Labels:
    """Return ANNOTATIONS as one, with the names of their CLASSES: the parts of a union, or an OHMS subset alone.

    A class of two parts is one class, called as the first part calls it.
    """
    named = pd.concat(part_classes, ignore_index=True).drop_duplicates("class_id")
    return Labels(join_rows(parts, ANNOTATIONS), dict(zip(named["class_id"], named["name"], strict=True)))
