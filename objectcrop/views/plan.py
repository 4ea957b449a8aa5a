"""Decide what a view is, before any pixel is touched: one small frozen record."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from objectcrop.boxes import Boxes, Size, as_boxes, whole
from objectcrop.study.runs import Region, ViewSettings
from objectcrop.views.crops import draw_crop
from objectcrop.views.regions import Box, as_box, dilate, draw_rank, to_whole_pixels

OBJECT_TAG, SCENE_TAG = 0, 1
JITTER_PROBABILITY, GRAY_PROBABILITY, BLUR_PROBABILITY, FLIP_PROBABILITY = 0.8, 0.2, 0.5, 0.5
JITTER = 0.4
HUE = 0.1


@dataclass(frozen=True)
class Appearance:
    """Colours and sharpness of a view, in the order they are applied.

    Attributes:
        jitter: (name, value) of brightness, contrast, saturation (factors) and hue (share of a turn) in the drawn order;
            empty if the view is not jittered.
        is_gray: whether colour is dropped.
        blur_sigma: standard deviation of the Gaussian blur in pixels of a view of side 224; 0 is none.
    """

    jitter: tuple[tuple[str, float], ...] = ()
    is_gray: bool = False
    blur_sigma: float = 0.0


@dataclass(frozen=True)
class ViewPlan:
    """A view of a picture. Boxes are (x1, y1, x2, y2), pixels of the picture as it is stored.

    Attributes:
        region: kind of region.
        region_box: the region; the whole picture for an object region without any proposal.
        crop_box: what is cut out of it and resized to the square view.
        proposal_rank: rank of the proposal that was drawn, -1 if none was.
        is_flipped: mirrored left to right.
        appearance: colours and sharpness.
    """

    region: Region
    region_box: Box
    crop_box: Box
    proposal_rank: int = -1
    is_flipped: bool = False
    appearance: Appearance = Appearance()

    @property
    def tag(self) -> int:
        """Which projector the view is for: `OBJECT_TAG` or `SCENE_TAG` (scene and dilated views)."""
        return view_tag(self.region)


def view_tag(region: Region) -> int:
    """Tag of the views of a region."""
    return OBJECT_TAG if region == "object" else SCENE_TAG


def plan_pair(
    boxes_px: ArrayLike, size: Size, settings: ViewSettings, object_scale_min: float, rng: np.random.Generator
) -> tuple[ViewPlan, ViewPlan]:
    """Draw the two views of a sample: (query, key).

    Follows OAC (Mishra et al. 2022), section 4.1. One proposal is drawn for both views; a picture without usable proposals
    gives a scene pair: its object region is the whole picture, cropped as scenes are.

    Args:
        boxes_px: proposals in order of rank, pixels, shape (n, 4).
        size: size of the picture.
        settings: how views are made.
        object_scale_min: least crop area over region area of object views.
        rng: where chance comes from.
    """
    if settings.resize_first_px is not None:
        return _plan_in_square(boxes_px, size, settings, object_scale_min, rng)
    needs_object = any(region != "scene" for region in settings.regions)
    boxes = as_boxes(boxes_px)
    rank = draw_rank(boxes, size, settings.max_proposals, rng) if needs_object else -1
    proposal = boxes[[rank]] if rank >= 0 else None
    first, second = (
        _plan_view(region, proposal, rank, size, settings, object_scale_min, rng) for region in settings.regions
    )
    if settings.swap and rng.random() < 0.5:
        return second, first
    return first, second


def plan_whole(size: Size, settings: ViewSettings, rng: np.random.Generator) -> ViewPlan:
    """A view of the whole picture, squeezed to a square: every augmentation but the crop (for the localization loss)."""
    box = as_box(whole(size))
    return ViewPlan(
        "scene", box, box, is_flipped=_happens(FLIP_PROBABILITY, rng), appearance=draw_appearance(settings, rng)
    )


def plan_plain_crop(size: Size, scale_min: float, rng: np.random.Generator) -> ViewPlan:
    """A random crop of the scene, maybe mirrored, colours as they are (supervised training)."""
    box = as_box(whole(size))
    crop = draw_crop(box, scale_min, rng)
    return ViewPlan("scene", box, crop, is_flipped=_happens(FLIP_PROBABILITY, rng))


def region_box(region: Region, proposal: Boxes | None, size: Size, settings: ViewSettings) -> Box:
    """The region of a view in whole pixels; without a proposal, the whole picture."""
    if region == "scene" or proposal is None:
        return as_box(whole(size))
    inner = to_whole_pixels(proposal, size)
    if region == "object":
        return as_box(inner)
    return as_box(to_whole_pixels(dilate(inner, size, settings.dilation_fraction, settings.dilation), size))


def draw_appearance(settings: ViewSettings, rng: np.random.Generator) -> Appearance:
    """MoCo-v2's colours: jitter (0.4, 0.4, 0.4, 0.1) in random order, grey, blur."""
    jitter: tuple[tuple[str, float], ...] = ()
    if _happens(JITTER_PROBABILITY, rng):
        factors = rng.uniform(1 - JITTER, 1 + JITTER, size=3)
        values = [("brightness", factors[0]), ("contrast", factors[1]), ("saturation", factors[2])]
        values.append(("hue", rng.uniform(-HUE, HUE)))
        jitter = tuple((values[place][0], float(values[place][1])) for place in rng.permutation(4))
    is_gray = _happens(GRAY_PROBABILITY, rng)
    is_blurred = _happens(BLUR_PROBABILITY, rng)
    sigma = float(rng.uniform(settings.min_blur_sigma, settings.max_blur_sigma)) if is_blurred else 0.0
    return Appearance(jitter, is_gray, sigma)


def _plan_view(
    region: Region,
    proposal: Boxes | None,
    rank: int,
    size: Size,
    settings: ViewSettings,
    object_scale_min: float,
    rng: np.random.Generator,
) -> ViewPlan:
    box = region_box(region, proposal, size, settings)
    is_object = region == "object" and proposal is not None
    crop = draw_crop(box, object_scale_min if is_object else settings.scene_scale_min, rng)
    appearance = draw_appearance(settings, rng)
    shown_rank = -1 if region == "scene" else rank
    return ViewPlan(region, box, crop, shown_rank, _happens(FLIP_PROBABILITY, rng), appearance)


def _plan_in_square(
    boxes_px: ArrayLike, size: Size, settings: ViewSettings, object_scale_min: float, rng: np.random.Generator
) -> tuple[ViewPlan, ViewPlan]:
    """Plan on the picture resized to a square, then say the boxes in pixels of the picture as it is stored."""
    side = settings.resize_first_px
    assert side is not None
    there = np.array([side / size.width, side / size.height] * 2)
    direct = settings.model_copy(update={"resize_first_px": None})
    pair = plan_pair(as_boxes(boxes_px) * there, Size(side, side), direct, object_scale_min, rng)

    def back(box: Box) -> Box:
        return as_box(np.array(box) / there)

    first, second = (replace(p, region_box=back(p.region_box), crop_box=back(p.crop_box)) for p in pair)
    return first, second


def _happens(probability: float, rng: np.random.Generator) -> bool:
    return bool(rng.random() < probability)
