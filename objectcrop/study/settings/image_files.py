"""What every data set of image files has."""

from typing import Literal

from pydantic import Field

from objectcrop.study.settings.section import Section, younger
from objectcrop.study.settings.section import Split as Split

USUAL_MEGAPIXELS = 128
"""Cameras take up to 102 million pixels, telephones 108."""


class ImageFiles(Section):
    """What every data set of image files has."""

    max_unreadable_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Largest share of images that may be unreadable; they are listed and left out, above it indexing stops.",
    )


class OwnImageFiles(ImageFiles):
    """What every data set has whose files are under the data root, and not another one's."""

    allow_links_outside: bool = Field(
        default=False,
        description="Whether symbolic links may lead outside the data root: links to folders, images or annotation files of "
        "this data set. The data root itself may be a link.",
    )


class UserImageFiles(OwnImageFiles):
    """What every data set has whose images come from users, and can be of any size."""

    max_megapixels: float = Field(
        default=USUAL_MEGAPIXELS,
        gt=0,
        le=178,
        exclude_if=younger(USUAL_MEGAPIXELS),
        description="Most pixels of an image, in millions, by the size that its file states. Larger ones count as unreadable "
        "before they are decoded: a small file can state a size that fills the memory. Nothing decodes more than 178.",
    )


class SizedImageFiles(UserImageFiles):
    """What every data set has whose annotations state the sizes of images."""

    size_mismatch: Literal["stop", "list"] = Field(
        default="stop",
        description="What happens to images whose size, once EXIF orientation is applied, is not the one that the annotations "
        "state, so that boxes would be elsewhere. 'stop': indexing names them and stops; 'list': unreadable.json lists them, and "
        "they are left out.",
    )
