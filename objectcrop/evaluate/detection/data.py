"""Our data sets in Detectron2's catalogs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets.coco import load_coco_json
from detectron2.data.datasets.pascal_voc import CLASS_NAMES, load_voc_instances

from objectcrop.evaluate.detection.files import coco_files, voc_parts
from objectcrop.study.settings.datasets import Dataset, Split, VocPart
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
        ValueError: if the data set has no devkit, or not exactly one test part.
    """
    train, test = voc_parts(name, dataset)
    classes = _voc_classes([*train, test], data_root)
    names = [_register_part(name, part, data_root, classes) for part in [*train, test]]
    return RegisteredNames(names[:-1], names[-1], classes)


def register_coco(name: str, dataset: Dataset, data_root: Path) -> RegisteredNames:
    """Register the instances of a COCO data set, or those of drawn scenes.

    Raises:
        ValueError: if the data set has no COCO layout, or lacks a split.
    """
    instances, images = coco_files(name, dataset)
    names = {}
    splits: tuple[Split, Split] = ("train", "test")
    for split in splits:
        file, folder_of = str(data_root / instances[split]), str(data_root / images[split])
        names[split] = f"objectcrop_{settings_hash({'file': file, 'images': folder_of})}"
        loader = _coco_loader(file, folder_of, names[split])
        _register(names[split], loader, {"json_file": file, "image_root": folder_of, "evaluator_type": "coco"})
    DatasetCatalog.get(names["train"])  # fills the class names in
    return RegisteredNames([names["train"]], names["test"], list(MetadataCatalog.get(names["train"]).thing_classes))


def _coco_loader(file: str, images: str, name: str) -> Callable[[], list[dict[str, Any]]]:
    return lambda: load_coco_json(file, images, name)


def _register_part(name: str, part: VocPart, data_root: Path, classes: list[str]) -> str:
    folder = str(data_root / part.devkit)
    key = f"objectcrop_{name}_{settings_hash({'folder': folder, 'set': part.image_set})}"
    # Detectron2's evaluator asks for a year; the task's voc_metric says how average precision is counted
    words = {"dirname": folder, "split": part.image_set, "year": 2007, "thing_classes": classes}
    _register(key, lambda: load_voc_instances(folder, part.image_set, classes), words)
    return key


def _register(name: str, loader: Callable[[], list[dict[str, Any]]], words: dict[str, Any]) -> None:
    if name in DatasetCatalog.list():
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    DatasetCatalog.register(name, loader)
    MetadataCatalog.get(name).set(**words)


def _voc_classes(parts: list[VocPart], data_root: Path) -> list[str]:
    """Return VOC's twenty classes in their order if all names are among them, else the names of the files, sorted."""
    names: set[str] = set()
    for part in parts:
        devkit = data_root / part.devkit
        for image_id in (devkit / "ImageSets/Main" / f"{part.image_set}.txt").read_text().split():
            tree = ElementTree.parse(devkit / "Annotations" / f"{image_id}.xml")
            names.update(str(thing.findtext("name")) for thing in tree.findall("object"))
    return list(CLASS_NAMES) if names <= set(CLASS_NAMES) else sorted(names)
