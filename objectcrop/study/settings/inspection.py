"""Settings of inspection in FiftyOne."""

from pydantic import Field

from objectcrop.study.settings.section import Name, Section


class InspectionSettings(Section):
    """What the FiftyOne data sets show: the measured proposals, and the crops of one run."""

    max_images: int = Field(default=2000, ge=1, description="Images shown; a seeded sample where there are more.")
    run: Name | None = Field(
        default=None, description="Run whose crops are drawn beside the proposals; null draws none."
    )
    pairs_per_image: int = Field(
        default=2, ge=1, le=20, description="Pairs of views drawn for each image: those of the run's first epochs."
    )
