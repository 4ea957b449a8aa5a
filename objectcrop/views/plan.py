"""Decide what a view is, before any pixel is touched: one small frozen record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.study.settings.views import OBJECT_REGIONS, Region, ViewSettings
from objectcrop.views.augmentations import (
    AUGMENTATIONS,
    FLIP_PROBABILITY,
    PLAIN,
    ColorTransform,
    Interpolation,
    draw_color_transform,
    happens,
    interpolation_of,
)
from objectcrop.views.crops import draw_crop
from objectcrop.views.regions import (
    Box,
    as_box,
    clip_box,
    dilate,
    draw_rank,
    grow_released,
    released_box,
    shift,
    usable_ranks,
    whole_box,
    whole_image,
)

OBJECT_TAG, SCENE_TAG = 0, 1


@dataclass(frozen=True)
class ViewPlan:
    """A view of an image. Boxes are (x1, y1, x2, y2), pixels of the image as it is stored.

    Attributes:
        region: kind of region.
        region_box: the region; the whole image for an object region without any proposal.
        crop_box: what is cut out of it and resized to the square view.
        proposal_rank: rank of the proposal that was drawn, -1 if none was.
        is_flipped: mirrored left to right.
        transform: colours and sharpness.
        interpolation: how the crop is resized.
    """

    region: Region
    region_box: Box
    crop_box: Box
    proposal_rank: int = -1
    is_flipped: bool = False
    transform: ColorTransform = PLAIN
    interpolation: Interpolation = "linear"

    @property
    def tag(self) -> int:
        """Which projector the view is for: `OBJECT_TAG` or `SCENE_TAG` (every other region)."""
        return view_tag(self.region)


def view_tag(region: Region) -> int:
    """Return the tag of the views of a region."""
    return OBJECT_TAG if region == "object" else SCENE_TAG


def plan_pair(
    boxes_px: ArrayLike,
    size: Size,
    settings: ViewSettings,
    object_scale_min: float,
    rng: np.random.Generator,
    *,
    rank: int | None = None,
    usable: Sequence[int] | None = None,
) -> tuple[ViewPlan, ViewPlan]:
    """Draw the two views of a sample: (query, key).

    Follows OAC (Mishra et al. 2022), section 4.1. One proposal is drawn for both views; an image without usable proposals
    gives a scene pair: its object regions are the whole image, cropped as scenes are. Where the augmentation treats query
    and key differently, augmentations are drawn last, after the swap: they belong to the role, not to the region.

    Args:
        boxes_px: proposals in order of rank, pixels, shape (n, 4).
        size: size of the image.
        settings: how views are made.
        object_scale_min: least crop area over region area of object views.
        rng: random generator.
        rank: the proposal to show; None draws one.
        usable: what `usable_ranks` gives for these boxes, if it is known.
    """
    if (side := settings.resize_first_px) is not None:
        there, unsquared = _to_square(size, side), _unsquared(settings)
        pair = plan_pair(as_boxes(boxes_px) * there, Size(side, side), unsquared, object_scale_min, rng, rank=rank)
        return _from_square(pair[0], there), _from_square(pair[1], there)
    needs_object = any(region in OBJECT_REGIONS for region in settings.regions)
    boxes = as_boxes(boxes_px)
    if rank is None:
        ranks = usable_ranks(boxes, size, settings.max_proposals) if usable is None and needs_object else usable
        rank = draw_rank(ranks or (), rng) if needs_object else -1
    proposal = as_box(boxes[rank]) if rank >= 0 else None
    first, second = (
        _plan_view(region, proposal, rank, size, settings, object_scale_min, rng) for region in settings.regions
    )
    query, key = (second, first) if settings.swap and rng.random() < 0.5 else (first, second)
    ranges = AUGMENTATIONS[settings.augmentation]
    if ranges[0] != ranges[1]:
        query = replace(query, transform=draw_color_transform(ranges[0], settings, rng))
        key = replace(key, transform=draw_color_transform(ranges[1], settings, rng))
    return query, key


def plan_small_crops(size: Size, settings: ViewSettings, rng: np.random.Generator) -> tuple[ViewPlan, ...]:
    """Plan SwAV's small crops, of the scene; none where the settings ask for none. They are augmented as queries are."""
    small = settings.small_crops
    if small is None:
        return ()
    if (side := settings.resize_first_px) is not None:
        plans = plan_small_crops(Size(side, side), _unsquared(settings), rng)
        return tuple(_from_square(plan, _to_square(size, side)) for plan in plans)
    box, ranges = whole_image(size), AUGMENTATIONS[settings.augmentation][0]
    plans = ()
    for _ in range(small.count):
        crop = draw_crop(box, small.scale[0], rng, scale_max=small.scale[1])
        transform = draw_color_transform(ranges, settings, rng, size_px=small.size_px)
        plans += (_finished("scene", box, crop, -1, transform, settings, rng),)
    return plans


def plan_whole(size: Size, settings: ViewSettings, rng: np.random.Generator) -> ViewPlan:
    """Plan a view of the whole image, squeezed to a square: every augmentation but the crop (for the localization loss).

    Where the augmentation treats query and key differently, it is augmented as queries are.
    """
    box = whole_image(size)
    is_flipped = happens(FLIP_PROBABILITY, rng)
    transform = draw_color_transform(AUGMENTATIONS[settings.augmentation][0], settings, rng)
    interpolation = interpolation_of(settings.augmentation)
    return ViewPlan("scene", box, box, -1, is_flipped, transform, interpolation)


def plan_plain_crop(size: Size, scale_min: float, rng: np.random.Generator, box: Box | None = None) -> ViewPlan:
    """Plan a random crop of the scene, or of an object's box of whole pixels, maybe mirrored, colours as they are."""
    region = whole_image(size) if box is None else box
    crop = draw_crop(region, scale_min, rng)
    name: Region = "scene" if box is None else "object"
    return ViewPlan(name, region, crop, is_flipped=happens(FLIP_PROBABILITY, rng))


def region_box(
    region: Region, proposal: Box | None, size: Size, settings: ViewSettings, rng: np.random.Generator
) -> Box:
    """The region of a view in whole pixels; without a proposal, the whole image. Only shifted and random regions draw."""
    if region == "random_box":
        least, greatest = settings.random_box_area
        return draw_crop(whole_image(size), least, rng, scale_max=greatest)
    if region not in OBJECT_REGIONS or proposal is None:
        return whole_image(size)
    box = (
        _dilated_box(proposal, size, settings) if region == "dilated_object" else _object_box(proposal, size, settings)
    )
    if settings.min_region_px is not None:
        box = grow_released(box, size, settings.min_region_px)
    if settings.border == "cut" or region == "shifted_object":
        box = clip_box(box, size)
    return shift(box, size, settings.shift_radius, rng) if region == "shifted_object" else box


def _object_box(proposal: Box, size: Size, settings: ViewSettings) -> Box:
    return released_box(proposal, 0.0) if settings.border == "black" else whole_box(proposal, size)


def _dilated_box(proposal: Box, size: Size, settings: ViewSettings) -> Box:
    if settings.border == "black":
        return released_box(proposal, settings.dilation_fraction)
    inner = whole_box(proposal, size)
    return whole_box(dilate(inner, size, settings.dilation_fraction, settings.dilation), size)


def _plan_view(
    region: Region,
    proposal: Box | None,
    rank: int,
    size: Size,
    settings: ViewSettings,
    object_scale_min: float,
    rng: np.random.Generator,
) -> ViewPlan:
    box = region_box(region, proposal, size, settings, rng)
    uses_object = region in OBJECT_REGIONS
    crop = _draw_crop(region, box, settings, None if uses_object and proposal is None else object_scale_min, rng)
    ranges = AUGMENTATIONS[settings.augmentation]
    # augmentations that differ are drawn after the swap
    transform = draw_color_transform(ranges[0], settings, rng) if ranges[0] == ranges[1] else PLAIN
    return _finished(region, box, crop, rank if uses_object else -1, transform, settings, rng)


def _draw_crop(
    region: Region, box: Box, settings: ViewSettings, object_scale_min: float | None, rng: np.random.Generator
) -> Box:
    """Draw the crop inside a region; without an `object_scale_min` (no proposal), as in scenes."""
    if region == "whole_image":
        return box
    if object_scale_min is None or region in ("scene", "dilated_object"):
        return draw_crop(box, settings.scene_scale_min, rng, scale_max=settings.scene_scale_max)
    if settings.object_crop == "whole":
        return box
    return draw_crop(box, object_scale_min, rng)


def _finished(
    region: Region,
    box: Box,
    crop: Box,
    rank: int,
    transform: ColorTransform,
    settings: ViewSettings,
    rng: np.random.Generator,
) -> ViewPlan:
    is_flipped = happens(FLIP_PROBABILITY, rng)
    return ViewPlan(region, box, crop, rank, is_flipped, transform, interpolation_of(settings.augmentation))


def _to_square(size: Size, side: int) -> Boxes:
    return np.array([side / size.width, side / size.height] * 2)


def _from_square(plan: ViewPlan, there: Boxes) -> ViewPlan:
    """Return a plan made on the image resized to a square, with its boxes in pixels of the image as it is stored."""
    region, crop = (as_box(np.array(box) / there) for box in (plan.region_box, plan.crop_box))
    return replace(plan, region_box=region, crop_box=crop)


def drawn_crop(plan: ViewPlan, size: Size, settings: ViewSettings) -> tuple[Box, Size]:
    """Return the crop of a plan in whole pixels of the image that it was drawn on, and that image's size.

    Where `settings.resize_first_px` is set, crops are drawn in whole pixels of that square, and a plan holds them rounded,
    in pixels of the image as it is stored: an edge on the border of a cell may end beyond it there, by about 1e-13 pixels.
    The nearest whole pixel of the square is the edge that was drawn.

    Args:
        plan: made with `settings`.
        size: size of the image as it is stored.
        settings: how views are made.
    """
    side = settings.resize_first_px
    if side is None:
        return plan.crop_box, size
    return as_box(np.rint(np.array(plan.crop_box) * _to_square(size, side))), Size(side, side)


def _unsquared(settings: ViewSettings) -> ViewSettings:
    return settings.model_copy(update={"resize_first_px": None})
