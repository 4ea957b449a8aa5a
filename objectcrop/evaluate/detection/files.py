"""Which files a fine-tuning reads its boxes and masks from, by the layout of its data set."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.settings.datasets import CocoDataset, Dataset, DrawnDataset, Split, VocDataset, VocPart
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask


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


def annotations_sha256(task: DetectorTask | SegmenterTask, name: str, dataset: Dataset, data_root: Path) -> str:
    """Return a digest of the names and bytes of all annotation files that a fine-tuning reads.

    Args:
        task: a detector reads image sets and XML of devkits, a segmenter instances JSON.
        name: of the data set.
        dataset: its settings.
        data_root: where its files are.

    Raises:
        ValueError: if the data set does not fit the task.
        FileNotFoundError: if a file is not there.
    """
    digest = hashlib.sha256()
    for file in _annotation_files(task, name, dataset, data_root):
        digest.update(f"{file} {file_sha256(data_root / file)}\n".encode())
    return digest.hexdigest()


def _annotation_files(
    task: DetectorTask | SegmenterTask, name: str, dataset: Dataset, data_root: Path
) -> Sequence[str]:
    if isinstance(task, SegmenterTask):
        instances = coco_files(name, dataset).instances
        return [instances["train"], instances["test"]]
    parts, files = voc_parts(name, dataset), []
    for part in (*parts.train, parts.test):
        image_set = f"{part.devkit}/ImageSets/Main/{part.image_set}.txt"
        ids = (data_root / image_set).read_text(encoding="utf-8").split()
        files += [image_set, *(f"{part.devkit}/Annotations/{image_id}.xml" for image_id in ids)]
    return files
