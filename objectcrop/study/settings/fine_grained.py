"""Settings of fine-grained data sets with one object an image."""

from typing import Literal

from pydantic import Field

from objectcrop.study.settings.image_files import UserImageFiles
from objectcrop.study.settings.section import LocalPath
from objectcrop.study.settings.section import Split as Split

CUB_LISTS = ("images.txt", "classes.txt", "image_class_labels.txt", "bounding_boxes.txt", "train_test_split.txt")
CARS_CLASSES = "devkit/cars_meta.mat"
CARS_ANNOTATIONS: dict[Split, str] = {
    "train": "devkit/cars_train_annos.mat",
    "test": "cars_test_annos_withlabels.mat",
}
CARS_IMAGES: dict[Split, str] = {"train": "cars_train", "test": "cars_test"}


class AircraftDataset(UserImageFiles):
    """FGVC-Aircraft: one aircraft an image, named at one of three levels."""

    source: Literal["fgvc_aircraft"]
    folder: LocalPath = Field(
        description="Folder fgvc-aircraft-2013b/data (with images, images_box.txt), relative to the data root."
    )
    level: Literal["variant", "family", "manufacturer"] = Field(
        default="variant", description="What is a class: 100 variants, 70 families or 30 manufacturers."
    )
    image_sets: dict[Split, Literal["train", "val", "trainval", "test"]] = Field(
        default={"train": "trainval", "test": "test"}, description="The release's list of each split."
    )


class CubDataset(UserImageFiles):
    """Caltech-UCSD Birds 200-2011: one bird an image; splits train and test as released."""

    source: Literal["cub"]
    folder: LocalPath = Field(description="Folder CUB_200_2011 (with images, images.txt), relative to the data root.")


class CarsDataset(UserImageFiles):
    """Stanford Cars: one car an image; splits train and test as released."""

    source: Literal["stanford_cars"]
    folder: LocalPath = Field(
        description="Folder (with cars_train, cars_test, devkit, cars_test_annos_withlabels.mat), relative to the data root."
    )
