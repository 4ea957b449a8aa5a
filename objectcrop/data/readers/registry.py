"""Any data set by its settings: the images it holds, and its boxes and classes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import TypeAdapter

from objectcrop.data.containment import require_inside
from objectcrop.data.readers.ade20k import ade20k_files, list_ade20k, read_ade20k_boxes
from objectcrop.data.readers.aircraft import read_aircraft
from objectcrop.data.readers.cars import read_cars
from objectcrop.data.readers.coco import list_coco, read_coco_boxes
from objectcrop.data.readers.cub import read_cub
from objectcrop.data.readers.folders import label_image_folders, list_folder, list_image_folders
from objectcrop.data.readers.openimages import drawn_layout, list_openimages, read_class_names, read_openimages_boxes
from objectcrop.data.readers.single_objects import list_objects, relative_objects
from objectcrop.data.readers.voc import image_set_files, list_voc, read_voc_boxes, voc_files
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
from objectcrop.study.settings.image_files import OwnImageFiles
from objectcrop.tables import ANNOTATIONS, empty_table, join_rows


def parse_dataset(value: Mapping[str, Any]) -> Dataset:
    """Return the settings of a data set from plain values.

    Raises:
        ValueError: naming every field that is wrong.
    """
    dataset: Dataset = TypeAdapter(Dataset).validate_python(value)
    return dataset


def require_files(name: str, dataset: Dataset, root: Path) -> None:
    """Check that the files and folders of a data set are there, and under the data root, as all that they name must be.

    Raises:
        FileNotFoundError: one message that names every missing one and says what to do.
        ValueError: one message that names what is outside the data root.
    """
    files = drawn_layout(name, dataset) if isinstance(dataset, DrawnDataset) else dataset
    missing = [str(root / location) for location in raw_locations(files) if not (root / location).exists()]
    if missing:
        what = "run draw_scenes" if isinstance(dataset, DrawnDataset) else how_to_get(dataset.source)
        raise FileNotFoundError(
            f"data set {name}: {len(missing)} file(s) or folder(s) missing: {', '.join(missing)}; {what}, "
            f"correct datasets.{name}, or point data_root to where the data is"
        )
    _require_inside(name, dataset, root, raw_locations(files))
    match dataset:
        case VocDataset():
            _require_inside(name, dataset, root, image_set_files(dataset))  # before they are read
            _require_inside(name, dataset, root, voc_files(dataset, root))
        case Ade20kDataset():
            _require_inside(name, dataset, root, ade20k_files(dataset, root))


def list_images(name: str, dataset: Dataset, root: Path) -> pd.DataFrame:
    """Return the images of a data set with files of its own: image_id (unique), path relative to the data root, split.

    Where the annotations state the sizes of images, these are there too, as the columns of `stated_sizes.STATED`.

    Raises:
        FileNotFoundError: naming every missing file and folder.
        ValueError: if a split is empty, an id names two images, or a path leads outside the data root.
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
            listing = list_objects(_read_objects(name, dataset, root))
        case _:
            raise ValueError(f"data set {name} of source {dataset.source!r} has no image files of its own")
    require_distinct_ids(name, listing)
    _require_inside(name, dataset, root, listing["path"])
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
        ValueError: naming file and row, if a file is not of its form; naming the path, if one leads outside the data root.
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
            boxes = [relative_objects(_read_objects(name, dataset, root), root, source=dataset.source)]
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


def _require_inside(name: str, dataset: Dataset, root: Path, paths: Iterable[str]) -> None:
    allowed = isinstance(dataset, OwnImageFiles) and dataset.allow_links_outside
    require_inside(paths, root, name=name, allow_links_outside=allowed)


def _read_objects(name: str, dataset: AircraftDataset | CubDataset | CarsDataset, root: Path) -> pd.DataFrame:
    match dataset:
        case AircraftDataset():
            objects = read_aircraft(dataset, root)
        case CubDataset():
            objects = read_cub(dataset, root)
        case CarsDataset():
            objects = read_cars(dataset, root)
    _require_inside(name, dataset, root, objects["path"])  # also before headers are read for sizes
    return objects


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
