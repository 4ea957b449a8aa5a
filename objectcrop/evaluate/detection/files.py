"""Which files a fine-tuning reads its boxes and masks from, by the layout of its data set."""

from collections.abc import Mapping
from typing import NamedTuple

from objectcrop.study.settings.datasets import CocoDataset, Dataset, DrawnDataset, Split, VocDataset, VocPart


class VocParts(NamedTuple):
    """Image sets of VOC devkits; there is exactly one to test on."""

    train: tuple[VocPart, ...]
    test: VocPart


class CocoFiles(NamedTuple):
    """Instances JSON and image folder of each split, relative to the data root."""

    instances: Mapping[Split, str]
    images: Mapping[Split, str]


def voc_parts(name: str, dataset: Dataset) -> VocParts:
    """Return the devkits of a VOC data set, or the devkit of drawn scenes.

    Raises:
        ValueError: if the data set has no devkit, or not exactly one test part.
    """
    if isinstance(dataset, DrawnDataset):
        devkit = f"drawn/{name}/VOC2007"
        train: tuple[VocPart, ...] = (VocPart(devkit=devkit, image_set="trainval"),)
        test: tuple[VocPart, ...] = (VocPart(devkit=devkit, image_set="test"),)
    elif isinstance(dataset, VocDataset):
        train, test = dataset.parts.get("train", ()), dataset.parts.get("test", ())
    else:
        raise ValueError(f"datasets.{name}: a detector needs source voc or drawn, got {dataset.source}")
    if not train or len(test) != 1:
        raise ValueError(f"datasets.{name}: a detector needs training parts and exactly one test part, got {len(test)}")
    return VocParts(train, test[0])


def coco_files(name: str, dataset: Dataset) -> CocoFiles:
    """Return the instances and images of a COCO data set, or those of drawn scenes.

    Raises:
        ValueError: if the data set has no COCO layout, or lacks a split.
    """
    if isinstance(dataset, DrawnDataset):
        folder = f"drawn/{name}"
        splits: tuple[Split, Split] = ("train", "test")
        instances: dict[Split, str] = {s: f"{folder}/coco/annotations/instances_{s}.json" for s in splits}
        images: dict[Split, str] = {split: f"{folder}/{split}" for split in splits}
    elif isinstance(dataset, CocoDataset):
        instances, images = dict(dataset.instances), dict(dataset.images)
    else:
        raise ValueError(f"datasets.{name}: a segmenter needs source coco or drawn, got {dataset.source}")
    if missing := {"train", "test"} - set(instances):
        raise ValueError(f"datasets.{name}: a segmenter needs instances of {sorted(missing)}")
    return CocoFiles(instances, images)
