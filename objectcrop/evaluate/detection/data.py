"""Our data sets in Detectron2's catalogs.

Detectron2 reads the same files as our readers, so that they are checked by these first: every path is below the data root, and
images of another size than the annotations state are left out here too where the settings list them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets.coco import load_coco_json
from detectron2.data.datasets.pascal_voc import CLASS_NAMES, load_voc_instances

from objectcrop.data.readers.registry import list_images
from objectcrop.data.readers.single_objects import read_sizes
from objectcrop.data.readers.voc import read_voc_classes
from objectcrop.data.stated_sizes import STATED
from objectcrop.evaluate.detection.files import coco_files, voc_parts
from objectcrop.study.settings.datasets import CocoDataset, Dataset, Split, VocDataset, VocPart
from objectcrop.study.settings.section import settings_hash


@dataclass(frozen=True)
class RegisteredNames:
    """Names in Detectron2's catalogs.

    Attributes:
        train: training sets.
        test: test set.
        classes: class names in the order of their ids.
    """

    train: list[str]
    test: str
    classes: list[str]


def register_voc(name: str, dataset: Dataset, data_root: Path) -> RegisteredNames:
    """Register the devkits of a VOC data set, or the devkit of drawn scenes.

    Raises:
        ValueError: if the data set has no devkit, or not exactly one test part; naming the path, if one leads outside the data
            root.
    """
    train, test = voc_parts(name, dataset)
    left_out = _checked(name, dataset, data_root)
    classes = _voc_classes([*train, test], data_root)
    names = [_register_part(name, part, data_root, classes, left_out) for part in [*train, test]]
    return RegisteredNames(names[:-1], names[-1], classes)


def register_coco(name: str, dataset: Dataset, data_root: Path) -> RegisteredNames:
    """Register the instances of a COCO data set, or those of drawn scenes.

    Raises:
        ValueError: if the data set has no COCO layout, or lacks a split; naming the path, if one leads outside the data root.
    """
    instances, images = coco_files(name, dataset)
    left_out = _checked(name, dataset, data_root)
    names = {}
    splits: tuple[Split, Split] = ("train", "test")
    for split in splits:
        file, folder_of = str(data_root / instances[split]), str(data_root / images[split])
        names[split] = f"objectcrop_{settings_hash({'file': file, 'images': folder_of})}"
        loader = _coco_loader(file, folder_of, names[split], left_out)
        _register(names[split], loader, {"json_file": file, "image_root": folder_of, "evaluator_type": "coco"})
    DatasetCatalog.get(names["train"])  # fills the class names in
    return RegisteredNames([names["train"]], names["test"], list(MetadataCatalog.get(names["train"]).thing_classes))


def _checked(name: str, dataset: Dataset, data_root: Path) -> frozenset[str]:
    """Check the paths that a data set's files name, and return the images that are left out as they have another size.

    Drawn scenes have no files that others wrote.
    """
    if not isinstance(dataset, VocDataset | CocoDataset):
        return frozenset()
    listing = list_images(name, dataset, data_root)
    if dataset.size_mismatch == "stop":  # which indexing has done
        return frozenset()
    sizes = read_sizes(listing["path"].tolist(), data_root, label=f"sizes of {name}")
    stated = listing[list(STATED)].to_numpy()
    is_other = (sizes != stated).any(axis=1) & np.isfinite(sizes).all(axis=1) & np.isfinite(stated).all(axis=1)
    return frozenset(os.path.normpath(data_root / path) for path in listing.loc[is_other, "path"])


def _coco_loader(file: str, images: str, name: str, left_out: frozenset[str]) -> Callable[[], list[dict[str, Any]]]:
    return lambda: _without(load_coco_json(file, images, name), left_out)


def _without(records: list[dict[str, Any]], left_out: frozenset[str]) -> list[dict[str, Any]]:
    return [record for record in records if os.path.normpath(record["file_name"]) not in left_out]


def _register_part(name: str, part: VocPart, data_root: Path, classes: list[str], left_out: frozenset[str]) -> str:
    folder = str(data_root / part.devkit)
    key = f"objectcrop_{name}_{settings_hash({'folder': folder, 'set': part.image_set})}"
    # Detectron2's evaluator asks for a year; the task's voc_metric says how average precision is counted
    words = {"dirname": folder, "split": part.image_set, "year": 2007, "thing_classes": classes}
    _register(key, lambda: _without(load_voc_instances(folder, part.image_set, classes), left_out), words)
    return key


def _register(name: str, loader: Callable[[], list[dict[str, Any]]], words: dict[str, Any]) -> None:
    if name in DatasetCatalog.list():
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    DatasetCatalog.register(name, loader)
    MetadataCatalog.get(name).set(**words)


def _voc_classes(parts: list[VocPart], data_root: Path) -> list[str]:
    """Return VOC's twenty classes in their order if all names are among them, else the names of the files, sorted."""
    names = {name for part in parts for name in read_voc_classes(part, data_root)}
    return list(CLASS_NAMES) if names <= set(CLASS_NAMES) else sorted(names)
