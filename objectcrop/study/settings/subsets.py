"""Settings of subsets of Open Images: OHMS by its rules, or by the lists that its authors released."""

from typing import Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.image_files import ImageFiles, OwnImageFiles
from objectcrop.study.settings.section import DisagreementError, LocalPath, Name
from objectcrop.study.settings.section import Split as Split


class SubsetDataset(ImageFiles):
    """What every subset has: another data set, whose folders hold its images."""

    of: Name = Field(description="The data set that is selected from; its boxes must be annotations with classes.")


class OhmsDataset(SubsetDataset):
    """A subset of an Open Images data set by the rules of OHMS (paper, section 3; decision 0001)."""

    source: Literal["ohms"]
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
            text = f"{self.max_classes_per_image} must not be below min_classes_per_image {self.min_classes_per_image}"
            raise DisagreementError(("max_classes_per_image", text))
        return self


class ReleasedOhmsDataset(SubsetDataset, OwnImageFiles):
    """The lists of images that the authors released (decision 0007); `of` has the folders and the names of classes."""

    source: Literal["released_ohms"]
    train_labels: LocalPath = Field(
        description="images_selected_new.npy, or the release's list of one-class or of multi-class images, relative to the "
        "data root."
    )
    train_boxes: LocalPath | None = Field(
        default=None,
        description="images_selected_with_all_features.npy, relative to the data root; null: labels without boxes.",
    )
    test_labels: LocalPath | None = Field(
        default=None, description="images_selected_test_40k.npy, relative to the data root; null: no test images."
    )
