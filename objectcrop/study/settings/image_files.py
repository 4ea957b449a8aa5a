"""What every data set of image files has."""

from pydantic import Field

from objectcrop.study.settings.section import Section
from objectcrop.study.settings.section import Split as Split


class ImageFiles(Section):
    """What every data set of image files has."""

    max_unreadable_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Largest share of images that may be unreadable; they are listed and left out, above it indexing stops.",
    )
