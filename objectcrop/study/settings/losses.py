"""Settings of the paper's extra losses: their weights, and the readings of what the paper leaves open."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from objectcrop.study.settings.section import Section, is_none, younger

WITH_KEY_ENCODER = ("moco_v2", "densecl")
"""Methods whose own loss sends no gradient through the key: of it the extra losses make a pass of their own."""


class LossSettings(Section):
    """Weights of the paper's extra losses (sections 4.2.1, 4.2.2); the paper adds both with weight 1.

    What a reading costs is measured by benchmarks/oac_price.py.
    """

    rotation: float = Field(default=0.0, ge=0, description="Weight of the relative rotation loss; 0 turns it off.")
    localization: float = Field(default=0.0, ge=0, description="Weight of the localization loss; 0 turns it off.")
    patches: int = Field(default=7, ge=1, description="p: the image is divided in p x p cells for localization.")
    rotate_contrastive: bool = Field(
        default=False,
        exclude_if=younger(False),
        description="Every loss sees the object view rotated, the method's own too: the rotation loss then needs no pass of "
        "its own.",
    )
    key_features: Literal["trained", "key_encoder"] = Field(
        default="trained",
        exclude_if=younger("trained"),
        description="Where MoCo-v2 and DenseCL take the key's features for the extra losses: from a pass through the trained "
        "trunk, or from the key encoder's, without gradient.",
    )
    key_rows: Literal["all", "needed"] = Field(
        default="all",
        exclude_if=younger("all"),
        description="Images of the key's pass through the trained trunk: all, or those whose features a loss reads (rotation "
        "the scene's, localization the object's). Statistics of batch norm are then theirs.",
    )
    whole_size_px: int | None = Field(
        default=None,
        ge=32,
        exclude_if=is_none,
        description="Side of the view of the whole image for the localization loss; null: as the other views.",
    )
    passes: Literal["separate", "merged"] = Field(
        default="separate",
        exclude_if=younger("separate"),
        description="MoCo-v2 and DenseCL: a forward pass of the trained trunk for each view, or one for all views of a size, "
        "with the same outputs.",
    )

    def find_misfits(self, method: str) -> Iterator[tuple[str, str]]:
        """Yield what would have no effect: the setting's path in a run, and the problem."""
        if self.rotate_contrastive and not self.rotation:
            yield (
                "losses.rotate_contrastive",
                "needs the rotation loss; give losses.rotation a weight or set it to false",
            )
        if self.whole_size_px is not None and not self.localization:
            yield (
                "losses.whole_size_px",
                "needs the localization loss; give losses.localization a weight or set it to null",
            )
        changed = [
            name
            for name, first in (("key_features", "trained"), ("key_rows", "all"), ("passes", "separate"))
            if getattr(self, name) != first
        ]
        for name in changed:
            if not (self.rotation or self.localization):
                yield f"losses.{name}", "needs an extra loss; give losses.rotation or losses.localization a weight"
            elif method not in WITH_KEY_ENCODER:
                yield (
                    f"losses.{name}",
                    f"method {method} has no key encoder, {' and '.join(WITH_KEY_ENCODER)} have; leave it out",
                )
        if self.key_rows == "needed" and self.key_features == "key_encoder":
            yield "losses.key_rows", "key_features key_encoder makes no pass of the key; set it to all"
