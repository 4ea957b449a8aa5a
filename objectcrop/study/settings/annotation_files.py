"""Where the annotations of each layout are: what results depend on beside settings and images."""

from pathlib import Path

from objectcrop.study.settings.datasets import (
    Ade20kDataset,
    CocoDataset,
    Dataset,
    DrawnDataset,
    ImageFoldersDataset,
    OpenImagesDataset,
    VocDataset,
    raw_locations,
)
from objectcrop.study.settings.fine_grained import (
    CARS_ANNOTATIONS,
    CARS_CLASSES,
    AircraftDataset,
    CarsDataset,
    CubDataset,
)
from objectcrop.study.settings.subsets import ReleasedOhmsDataset

DRAWN_ANNOTATIONS = ("records", "coco/annotations", "VOC2007/Annotations", "VOC2007/ImageSets")


def annotation_locations(name: str, dataset: Dataset) -> list[str]:
    """Return the files, and the folders of many small ones, that annotations are read from, relative to the data root.

    Args:
        name: of the data set.
        dataset: its settings.
    """
    match dataset:
        case OpenImagesDataset():
            return [*dataset.boxes.values(), dataset.class_descriptions]
        case CocoDataset():
            return list(dataset.instances.values())
        case VocDataset():
            devkits = sorted({part.devkit for parts in dataset.parts.values() for part in parts})
            return [f"{devkit}/{folder}" for devkit in devkits for folder in ("Annotations", "ImageSets/Main")]
        case ImageFoldersDataset():
            return list(dataset.flat_labels.values())
        case DrawnDataset():
            return [f"drawn/{name}/{folder}" for folder in DRAWN_ANNOTATIONS]
        case ReleasedOhmsDataset():
            return raw_locations(dataset)
        case Ade20kDataset():
            masks = [f"annotations/{part}" for part in dataset.parts.values()]
            return [f"{dataset.folder}/{name}" for name in ["objectInfo150.txt", *masks]]
        case AircraftDataset() | CubDataset():
            return [place for place in raw_locations(dataset) if place != f"{dataset.folder}/images"]
        case CarsDataset():
            return [f"{dataset.folder}/{name}" for name in (*CARS_ANNOTATIONS.values(), CARS_CLASSES)]
    return []


def class_map_locations(name: str, dataset: Dataset) -> list[str]:
    """Return the files and folders that class maps and their image sets are in, relative to the data root."""
    parts = ("SegmentationClass", "ImageSets/Segmentation")
    match dataset:
        case Ade20kDataset():
            return annotation_locations(name, dataset)
        case VocDataset():
            devkits = sorted({one.devkit for part in dataset.parts.values() for one in part})
            return [f"{devkit}/{part}" for devkit in devkits for part in parts]
        case DrawnDataset():
            return [f"drawn/{name}/VOC2007/{part}" for part in parts]
    return []


def annotation_files(name: str, dataset: Dataset, data_root: Path) -> list[Path]:
    """Return what is there of the files and folders of annotations."""
    return _there(annotation_locations(name, dataset), data_root)


def class_map_files(name: str, dataset: Dataset, data_root: Path) -> list[Path]:
    """Return what is there of the files and folders of class maps."""
    return _there(class_map_locations(name, dataset), data_root)


def _there(locations: list[str], data_root: Path) -> list[Path]:
    return [place for location in locations if (place := data_root / location).exists()]
