"""Settings of data sets: what they are and where their files lie under the data root."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from objectcrop.study.section import Name, Section

Split = Literal["train", "validation", "test"]


class PictureFiles(Section):
    """What every data set of picture files has."""

    max_unreadable_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Largest share of pictures that may be unreadable; they are listed and left out, above it indexing stops.",
    )


class DrawnDataset(PictureFiles):
    """Scenes that the project draws itself: nothing is downloaded."""

    source: Literal["drawn"]
    num_train: int = Field(default=6000, ge=1, description="Scenes in the training split.")
    num_validation: int = Field(default=0, ge=0, description="Scenes in the validation split.")
    num_test: int = Field(default=1000, ge=0, description="Scenes in the test split.")
    width_px: int = Field(default=512, ge=64, le=4096, description="Width of a scene, pixels.")
    height_px: int = Field(default=384, ge=64, le=4096, description="Height of a scene, pixels.")
    num_classes: int = Field(
        default=12, ge=2, le=24, description="Object classes; told apart by surface and outline, never by colour."
    )
    min_objects: int = Field(default=1, ge=1, le=12, description="Fewest objects of a scene.")
    max_objects: int = Field(default=12, ge=1, le=12, description="Most objects of a scene.")
    mean_objects: float = Field(default=4.0, ge=1, le=12, description="Mean number of objects of a scene.")
    object_sizes: Literal["coco", "medium", "large"] = Field(
        default="medium",
        description="Distribution of box area over scene area: 'coco' as COCO 2017 (median 1.6%), 'medium' median 6%, "
        "'large' median 20%.",
    )
    clutter: float = Field(
        default=0.5, ge=0, le=1, description="Share of a full load of class-less distractor strokes and patches."
    )
    jpeg_quality: int = Field(default=90, ge=30, le=100, description="JPEG quality of the written scenes.")
    seed: int = Field(default=0, ge=0, description="Seed of the drawing; the same settings give the same bytes.")

    @model_validator(mode="after")
    def _counts_agree(self) -> "DrawnDataset":
        if not self.min_objects <= self.mean_objects <= self.max_objects:
            raise ValueError(
                f"mean_objects {self.mean_objects} must lie between min_objects {self.min_objects} and "
                f"max_objects {self.max_objects}"
            )
        return self


class OpenImagesDataset(PictureFiles):
    """Open Images layout: one box CSV a split (13 or more columns) and one flat image folder a split."""

    source: Literal["openimages"]
    boxes: dict[Split, str] = Field(description="Box CSV of each split, relative to the data root.")
    class_descriptions: str = Field(description="CSV of (MID, display name) without header, relative to the data root.")
    images: dict[Split, str] = Field(description="Image folder of each split, relative to the data root.")


class CocoDataset(PictureFiles):
    """COCO 2017 layout: one instances JSON and one image folder a split."""

    source: Literal["coco"]
    instances: dict[Split, str] = Field(description="Instances JSON of each split, relative to the data root.")
    images: dict[Split, str] = Field(description="Image folder of each split, relative to the data root.")


class VocPart(Section):
    """One image set of one VOC year."""

    devkit: str = Field(
        description="Folder VOC<year> (with JPEGImages, Annotations, ImageSets), relative to the data root."
    )
    image_set: str = Field(description="File name under ImageSets/Main without .txt, for example trainval.")


class VocDataset(PictureFiles):
    """PASCAL VOC devkits; a split is one or more image sets (07+12 is two)."""

    source: Literal["voc"]
    parts: dict[Split, tuple[VocPart, ...]] = Field(description="Image sets of each split.")


class FolderDataset(PictureFiles):
    """Any folder of pictures, searched recursively, without labels: one training split."""

    source: Literal["folder"]
    images: str = Field(description="Folder, relative to the data root.")


class ImageFoldersDataset(PictureFiles):
    """ImageNet layout: a folder a split, in it a folder a class; the label belongs to the whole picture."""

    source: Literal["image_folders"]
    images: dict[Split, str] = Field(description="Folder of each split, relative to the data root.")


class OhmsDataset(PictureFiles):
    """A subset of an Open Images data set by the rules of OHMS (paper, section 3; decision 0001)."""

    source: Literal["ohms"]
    of: Name = Field(description="The data set that is selected from; its boxes must be annotations with classes.")
    min_classes_per_image: int = Field(default=2, ge=1, description="Rule b: distinct classes an image must show.")
    max_classes_per_image: int | None = Field(
        default=None,
        ge=1,
        description="Most distinct classes of an image, all its labels counted; 1 with min_classes_per_image 1 gives "
        "images of a single class; null sets no limit.",
    )
    min_images_per_class: int = Field(default=900, ge=1, description="Rule c: images a class must have, after rule b.")
    match: Literal["strict", "loose"] = Field(
        default="strict",
        description="'strict': rule b must hold again over the kept classes; 'loose': one kept class is enough.",
    )
    fixpoint: bool = Field(default=True, description="Repeat rules b and c until no class is dropped any more.")
    drop_group_of: bool = Field(default=False, description="Leave group-of boxes out before the rules.")
    drop_depiction: bool = Field(
        default=False, description="Leave boxes of depictions (drawings, toys) out before the rules."
    )
    labels: Literal["restricted", "raw"] = Field(
        default="restricted",
        description="Labels of kept images: kept classes only (the paper's 208), or all (the release's 576).",
    )
    max_train_images: int | None = Field(
        default=None, ge=1, description="Training images kept, a seeded random sample after the rules; null keeps all."
    )
    seed: int = Field(default=0, ge=0, description="Seed of that sample.")
    max_test_images: int | None = Field(
        default=40_000, ge=1, description="Test images kept, the first by sorted id; null keeps all."
    )

    @model_validator(mode="after")
    def _limits_agree(self) -> "OhmsDataset":
        if self.max_classes_per_image is not None and self.max_classes_per_image < self.min_classes_per_image:
            raise ValueError(
                f"max_classes_per_image {self.max_classes_per_image} must not be below "
                f"min_classes_per_image {self.min_classes_per_image}"
            )
        return self


class UnionDataset(Section):
    """Several data sets as one: their images side by side (ids must differ), their annotations together."""

    source: Literal["union"]
    parts: tuple[Name, ...] = Field(min_length=2, description="Data sets that are joined.")


Dataset = Annotated[
    DrawnDataset
    | OpenImagesDataset
    | CocoDataset
    | VocDataset
    | FolderDataset
    | ImageFoldersDataset
    | OhmsDataset
    | UnionDataset,
    Field(discriminator="source"),
]


def raw_locations(dataset: Dataset) -> list[str]:
    """Files and folders, relative to the data root, that must be there before a data set can be read."""
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
            return list(dataset.images.values())
        case DrawnDataset() | OhmsDataset() | UnionDataset():
            return []
