"""Settings of views: where crops come from, how they are coloured, decoded and rendered."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from objectcrop.study.settings.section import DisagreementError, Name, Section

Region = Literal["scene", "object", "dilated_object", "shifted_object", "random_box", "whole_image"]
Augmentation = Literal["moco_v2", "moco_v1", "byol", "swav", "cmc"]
Decoder = Literal["auto", "nvimgcodec", "torchcodec", "pil", "opencv"]
Renderer = Literal["cpu", "batched"]

OBJECT_REGIONS: tuple[Region, ...] = ("object", "dilated_object", "shifted_object")
"""Regions that are made from a proposal."""


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"the least comes first, got {list(pair)}")
    return pair


Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
"""(least, greatest), both 0..1."""


class SmallCropSettings(Section):
    """SwAV's small crops (arXiv:2006.09882, multi-crop), drawn from the whole scene whatever the regions of the pair are."""

    count: int = Field(default=6, ge=1, description="Small crops of each image, beside the two views.")
    size_px: int = Field(default=96, ge=8, description="Side of a small crop.")
    scale: Shares = Field(default=(0.05, 0.14), description="Least and greatest crop area over image area.")


class ViewSettings(Section):
    """Where the two views of an image come from and how they are rendered (paper, section 4.1; decision 0002)."""

    regions: tuple[Region, Region] = Field(
        default=("scene", "scene"),
        description="Regions of the two views; ['object', 'dilated_object'] is the paper's method. 'shifted_object' is a box "
        "of the object's size beside it, 'random_box' does not depend on the objects, 'whole_image' is not cropped.",
    )
    proposals: Name | None = Field(
        default=None,
        description="Proposal source of this study; needed for object regions (a source of kind gt: ground truth).",
    )
    sample_unit: Literal["image", "box"] = Field(
        default="image",
        description="What gives a sample in an epoch: every image, for which a box is drawn; or, a released quirk, every usable "
        "box among the first max_proposals, so that an epoch is a pass over the boxes. An image without one gives a scene pair.",
    )
    max_proposals: int = Field(
        default=10, ge=1, description="One box is drawn uniformly among the first ones, at most this many."
    )
    dilation: Literal["image_total", "image_per_side", "box_fraction", "coordinate_released"] = Field(
        default="image_total",
        description="What dilation_fraction is a share of: image side, in total (default); image side, on each side; box "
        "side, in total; or the corner coordinate as in the authors' release.",
    )
    dilation_fraction: float = Field(default=0.1, ge=0, le=1, description="delta; the paper: 0.1 or 0.2.")
    shift_radius: Shares = Field(
        default=(0.1, 0.3),
        description="shifted_object: least and greatest way of the box's centre, as a share of the image's shorter side.",
    )
    random_box_area: Shares = Field(
        default=(0.05, 0.6), description="random_box: least and greatest area of the box over that of the image."
    )
    min_region_px: int | None = Field(
        default=None,
        ge=2,
        description="Released quirk: object and dilated regions shorter than this grow by half of it at either end (release: "
        "224), after which the one need not contain the other.",
    )
    border: Literal["cut", "black"] = Field(
        default="cut",
        description="Regions end at the image, or, a released quirk, reach beyond it into black.",
    )
    resize_first_px: int | None = Field(
        default=None, ge=16, description="Resize whole images to a square of this side before cropping (table 3)."
    )
    size_px: int = Field(default=224, ge=16, description="Side of the square view.")
    scene_scale_min: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Smallest crop area over region area, scene and dilated views. Left out, it is 0.08 for methods byol and "
        "supervised, and 0.14 for swav.",
    )
    scene_scale_max: float = Field(
        default=1.0, gt=0, le=1, description="Largest crop area over region area, scene and dilated views."
    )
    object_scale_min: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = Field(
        default="auto",
        description="The same for object, shifted and random views; 'auto' is min(0.9, 0.2 / mean area share of the "
        "proposals).",
    )
    object_crop: Literal["random", "whole"] = Field(
        default="random",
        description="Object views are random crops of their region, or all of it squeezed to the square (an early obj-scene).",
    )
    swap: bool = Field(default=True, description="Let either view be the query, with probability 0.5 per sample.")
    augmentation: Augmentation = Field(
        default="moco_v2",
        description="Colours, blur and flips, as that method's authors draw them (decision 0002). Left out, it is the "
        "method's own. Supervised runs flip only.",
    )
    min_blur_sigma: float = Field(default=0.1, gt=0, description="Least sigma of the Gaussian blur, at 224 pixels.")
    max_blur_sigma: float = Field(default=2.0, gt=0, description="Greatest sigma of the Gaussian blur, at 224 pixels.")
    small_crops: SmallCropSettings | None = Field(
        default=None, description="Small crops beside the pair (multi-crop); left out, method swav draws six."
    )
    renderer: Renderer = Field(
        default="cpu",
        description="Where flips, colours and blur happen: in the workers, or in batches on the device, within rounding.",
    )
    decoder: Decoder = Field(
        default="auto",
        description="Decoder of JPEGs; 'auto' is nvimgcodec where it is installed, else opencv, which gives the same pixels. Other "
        "formats, and JPEGs that it rejects, are always Pillow's.",
    )

    @model_validator(mode="after")
    def _values_agree(self) -> "ViewSettings":
        if problems := list(self._disagreements()):
            raise DisagreementError(*problems)
        return self

    def _disagreements(self) -> Iterator[tuple[str, str]]:
        if self.scene_scale_min > self.scene_scale_max:
            yield "scene_scale_min", f"{self.scene_scale_min} exceeds scene_scale_max {self.scene_scale_max}"
        if self.min_blur_sigma > self.max_blur_sigma:
            yield "min_blur_sigma", f"{self.min_blur_sigma} exceeds max_blur_sigma {self.max_blur_sigma}"
        if self.border == "black" and self.dilation != "coordinate_released":
            yield "border", "black is a quirk of dilation coordinate_released; take cut"
        if self.border == "black" and self.resize_first_px is not None:
            yield "border", "black does not go with resize_first_px; take cut"
        if self.small_crops is not None and self.small_crops.size_px > self.size_px:
            yield "small_crops.size_px", f"{self.small_crops.size_px} exceeds size_px {self.size_px}"


def views_of_method(method: str, configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the view settings of a config file, and for keys that it does not set the method's own recipe.

    Sources: ssl_recipes of BYOL (arXiv:2006.07733, appendix B), SwAV (arXiv:2006.09882, section 4), CMC (arXiv:1906.05849).
    Supervised runs crop as the loader of the authors' release does for its supervised baselines.
    """
    size_px = configured.get("size_px", ViewSettings.model_fields["size_px"].default)
    # 96 of 224 pixels, at whatever size a small run uses
    small = {"size_px": max(8, round(size_px * 96 / 224))} if isinstance(size_px, int) else {}
    recipes: dict[str, dict[str, Any]] = {
        "byol": {"augmentation": "byol", "scene_scale_min": 0.08},
        "swav": {"augmentation": "swav", "scene_scale_min": 0.14, "small_crops": small},
        "cmc": {"augmentation": "cmc"},
        "insdis": {"augmentation": "moco_v1"},
        "supervised": {"scene_scale_min": 0.08},
    }
    return {**recipes.get(method, {}), **configured}
