"""Settings of data sets: what they are and where their files are under the data root."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.downloads import Download, TarImages
from objectcrop.study.settings.fine_grained import (
    CARS_ANNOTATIONS,
    CARS_CLASSES,
    CARS_IMAGES,
    CUB_LISTS,
    AircraftDataset,
    CarsDataset,
    CubDataset,
)
from objectcrop.study.settings.image_files import OwnImageFiles, SizedImageFiles, UserImageFiles
from objectcrop.study.settings.section import DisagreementError, LocalPath, Name, Section, younger
from objectcrop.study.settings.section import Split as Split
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset

MAX_CLASSES_OF_ONE_CUE = 12
"""Drawn classes that surfaces alone, or outlines alone, tell apart."""


class DrawnDataset(OwnImageFiles):
    """Scenes that the project draws itself: nothing is downloaded."""

    source: Literal["drawn"]
    num_train: int = Field(default=6000, ge=1, description="Scenes in the training split.")
    num_validation: int = Field(default=0, ge=0, description="Scenes in the validation split.")
    num_test: int = Field(default=1000, ge=0, description="Scenes in the test split.")
    width_px: int = Field(default=512, ge=64, le=4096, description="Width of a scene, pixels.")
    height_px: int = Field(default=384, ge=64, le=4096, description="Height of a scene, pixels.")
    num_classes: int = Field(
        default=12, ge=2, le=24, description="Object classes; distinguished by surface and outline, never by colour."
    )
    min_objects: int = Field(default=1, ge=1, le=12, description="Fewest objects of a scene.")
    max_objects: int = Field(default=12, ge=1, le=12, description="Most objects of a scene.")
    mean_objects: float = Field(default=4.0, ge=1, le=12, description="Mean number of objects of a scene.")
    object_sizes: Literal["coco", "medium", "large", "close"] = Field(
        default="medium",
        description="Distribution of box area over scene area: 'coco' as COCO 2017 (median 1.6%), 'medium' median 6%, "
        "'large' median 20%, 'close' median 50%: one near object.",
    )
    clutter: float = Field(
        default=0.5, ge=0, le=1, description="Share of a full load of class-less distractor strokes and patches."
    )
    background: Literal["shared", "unique"] = Field(
        default="shared",
        exclude_if=younger("shared"),  # scenes from before the setting keep their ids
        description="'shared': grounds that all scenes draw from. 'unique': each scene has a field of waves of its own, "
        "which names the scene and no class.",
    )
    class_cue: Literal["both", "surface", "outline"] = Field(
        default="both",
        exclude_if=younger("both"),
        description="What names a class: 'surface' (outlines are random), 'outline' (surfaces are random), or both.",
    )
    jpeg_quality: int = Field(default=90, ge=30, le=100, description="JPEG quality of the written scenes.")
    seed: int = Field(default=0, ge=0, description="Seed of the drawing; the same settings give the same bytes.")

    @model_validator(mode="after")
    def _counts_agree(self) -> "DrawnDataset":
        if not self.min_objects <= self.mean_objects <= self.max_objects:
            limits = f"min_objects {self.min_objects} and max_objects {self.max_objects}"
            raise DisagreementError(("mean_objects", f"{self.mean_objects} must be between {limits}"))
        if self.class_cue != "both" and self.num_classes > MAX_CLASSES_OF_ONE_CUE:
            text = f"got {self.num_classes}: {self.class_cue}s alone name at most {MAX_CLASSES_OF_ONE_CUE} classes"
            raise DisagreementError(("num_classes", text))
        return self


class OpenImagesDataset(UserImageFiles):
    """Open Images layout: one box CSV a split (13 or more columns) and one image folder a split."""

    source: Literal["openimages"]
    boxes: dict[Split, LocalPath] = Field(description="Box CSV of each split, relative to the data root.")
    class_descriptions: LocalPath = Field(
        description="CSV of (MID, display name) without header, relative to the data root."
    )
    images: dict[Split, LocalPath] = Field(description="Image folder of each split, relative to the data root.")
    image_suffixes: tuple[str, ...] = Field(
        default=(".jpg",),
        min_length=1,
        description="Endings of image files, as they are written: <ImageID><ending>; '' where ImageID holds the ending.",
    )
    nested_images: bool = Field(
        default=False,
        description="Search the image folders at any depth; ImageID is then the file's name, or its path in the folder.",
    )
    download: Download | None = Field(
        default=None, description="What is fetched, and from where; null: the data is there already."
    )

    @model_validator(mode="after")
    def _download_agrees(self) -> "OpenImagesDataset":
        if self.download is not None:
            _require_sound_download(self, self.download)
        return self

    def restricted_to(self, splits: Iterable[str]) -> "OpenImagesDataset":
        """Return the settings with some of its splits only; those that it has no folder for are left out."""
        kept = set(splits)
        boxes = {split: path for split, path in self.boxes.items() if split in kept}
        images = {split: path for split, path in self.images.items() if split in kept}
        return self.model_copy(update={"boxes": boxes, "images": images})


def _require_sound_download(dataset: OpenImagesDataset, download: Download) -> None:
    for setting in ("upstream_splits", "max_images"):
        if without_boxes := sorted(set(getattr(download, setting)) - set(dataset.boxes)):
            text = f"names {without_boxes}, but boxes has only {sorted(dataset.boxes)}"
            raise DisagreementError((f"download.{setting}", text))
    if unboxed := sorted(set(dataset.images) - set(dataset.boxes)):
        raise DisagreementError(("images", f"names {unboxed}, but boxes has only {sorted(dataset.boxes)}"))
    if ".jpg" not in dataset.image_suffixes:
        raise DisagreementError(
            ("image_suffixes", f"lacks .jpg, which download writes, got {list(dataset.image_suffixes)}")
        )
    taken = [download.upstream(split) for split in dataset.boxes]
    if len(set(taken)) < len(taken):
        raise DisagreementError(("download.upstream_splits", f"takes two splits from one of Open Images: {taken}"))
    if len(set(dataset.images.values())) < len(dataset.images):
        raise DisagreementError(("images", "download needs a folder of its own for each split"))
    if isinstance(download.transfer.images, TarImages) and download.num_shards > 1:
        raise DisagreementError(("download.num_shards", "must be 1 for tars: one job reads each once, front to back"))


class CocoDataset(SizedImageFiles):
    """COCO 2017 layout: one instances JSON and one image folder a split."""

    source: Literal["coco"]
    instances: dict[Split, LocalPath] = Field(description="Instances JSON of each split, relative to the data root.")
    images: dict[Split, LocalPath] = Field(description="Image folder of each split, relative to the data root.")


class VocPart(Section):
    """One image set of one VOC year."""

    devkit: LocalPath = Field(
        description="Folder VOC<year> (with JPEGImages, Annotations, ImageSets), relative to the data root."
    )
    image_set: LocalPath = Field(description="File name under ImageSets/Main without .txt, for example trainval.")


class VocDataset(SizedImageFiles):
    """PASCAL VOC devkits; a split is one or more image sets (07+12 is two)."""

    source: Literal["voc"]
    parts: dict[Split, tuple[VocPart, ...]] = Field(description="Image sets of each split.")


class FolderDataset(UserImageFiles):
    """Any folder of images, searched recursively, without labels: one training split."""

    source: Literal["folder"]
    images: LocalPath = Field(description="Folder, relative to the data root.")


class ImageFoldersDataset(UserImageFiles):
    """ImageNet layout: a folder a split, in it a folder a class; the label belongs to the whole image."""

    source: Literal["image_folders"]
    images: dict[Split, LocalPath] = Field(description="Folder of each split, relative to the data root.")
    flat_labels: dict[Split, LocalPath] = Field(
        default={},
        description="For splits whose images are in one flat folder: CSV with the columns ImageId and PredictionString (class "
        "first), as ImageNet's LOC_val_solution.csv, relative to the data root.",
    )

    @model_validator(mode="after")
    def _labels_have_images(self) -> "ImageFoldersDataset":
        if extra := sorted(set(self.flat_labels) - set(self.images)):
            raise DisagreementError(("flat_labels", f"names the split(s) {', '.join(extra)}, which images lacks"))
        return self


class Ade20kDataset(SizedImageFiles):
    """ADE20K's scene parsing release, ADEChallengeData2016: an image and a mask of 150 classes each."""

    source: Literal["ade20k"]
    folder: LocalPath = Field(
        description="Folder ADEChallengeData2016 (with images, annotations, objectInfo150.txt), relative to the data root."
    )
    parts: dict[Split, Literal["training", "validation"]] = Field(
        default={"train": "training", "test": "validation"}, description="The release's folder of each split."
    )


class UnionDataset(Section):
    """Several data sets as one: their images side by side (ids must differ), their annotations together."""

    source: Literal["union"]
    parts: tuple[Name, ...] = Field(min_length=2, description="Data sets that are joined.")


class PreparedDataset(Section):
    """Another data set with smaller copies of its images, written once below the data root; ids, splits and boxes are those."""

    source: Literal["prepared"]
    of: Name = Field(description="The data set whose images are copied.")
    long_side_px: int = Field(
        default=512,
        ge=64,
        description="Longer sides are resized to this; JPEGs that are not longer are copied as they are.",
    )
    quality: int = Field(default=90, ge=1, le=100, description="JPEG quality of what is encoded.")


Dataset = Annotated[
    DrawnDataset
    | OpenImagesDataset
    | CocoDataset
    | VocDataset
    | FolderDataset
    | ImageFoldersDataset
    | Ade20kDataset
    | AircraftDataset
    | CubDataset
    | CarsDataset
    | OhmsDataset
    | ReleasedOhmsDataset
    | UnionDataset
    | PreparedDataset,
    Field(discriminator="source"),
]


def expected_locations(dataset: Dataset) -> list[str]:
    """Return the raw locations that people must provide before the first job: not what is downloaded."""
    if not isinstance(dataset, OpenImagesDataset) or dataset.download is None:
        return raw_locations(dataset)
    images = dataset.download.transfer.images
    return [images.folder] if isinstance(images, TarImages) else []


def raw_locations(dataset: Dataset) -> list[str]:
    """Return the files and folders, relative to the data root, that must be there before a data set can be read."""
    match dataset:
        case OpenImagesDataset():
            return [*dataset.boxes.values(), dataset.class_descriptions, *dataset.images.values()]
        case CocoDataset():
            return [*dataset.instances.values(), *dataset.images.values()]
        case VocDataset():
            return sorted({part.devkit for parts in dataset.parts.values() for part in parts})
        case FolderDataset():
            return [dataset.images]
        case ImageFoldersDataset():
            return [*dataset.flat_labels.values(), *dataset.images.values()]
        case Ade20kDataset():
            folders = [f"{kind}/{part}" for part in dataset.parts.values() for kind in ("images", "annotations")]
            return [f"{dataset.folder}/{name}" for name in ["objectInfo150.txt", *folders]]
        case AircraftDataset():
            lists = [f"images_{dataset.level}_{image_set}.txt" for image_set in dataset.image_sets.values()]
            return [f"{dataset.folder}/{name}" for name in ["images_box.txt", *lists, "images"]]
        case CubDataset():
            return [f"{dataset.folder}/{name}" for name in (*CUB_LISTS, "images")]
        case CarsDataset():
            return [
                f"{dataset.folder}/{name}" for name in (*CARS_ANNOTATIONS.values(), CARS_CLASSES, *CARS_IMAGES.values())
            ]
        case ReleasedOhmsDataset():
            return [
                path for path in (dataset.train_labels, dataset.train_boxes, dataset.test_labels) if path is not None
            ]
        case DrawnDataset() | OhmsDataset() | UnionDataset() | PreparedDataset():
            return []
