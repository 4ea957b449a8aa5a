"""What is where in a drawn scene: objects and clutter placed so that enough of every object stays visible.

Things are placed one after the other; a later one may cover earlier ones. A place is rejected where it would hide too much
of an object; after `_TRIES` rejections the thing is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.data.drawn.classes import NUM_SCENE_TYPES, class_shares, drawn_classes, ground_shares
from objectcrop.data.drawn.outlines import OUTLINES, Points, scaled, shaped, stroke
from objectcrop.data.drawn.surfaces import CELL, GROUNDS, NUM_VARIANTS, PATTERNS, TILE, Cut, Grey
from objectcrop.study.settings.datasets import DrawnDataset

AREA_SHARES = {"coco": (0.016, 1.47), "medium": (0.06, 0.9), "large": (0.20, 0.55), "close": (0.50, 0.30)}
"""Box area over scene area, before anything is cut off or covered: median and deviation of the logarithm."""

_LARGEST_SHARE = 0.7
_SMALLEST_PX = 100.0  # box area
_LEAST_VISIBLE_SHARE = 0.4
_LEAST_VISIBLE_PX = 12
_MOST_OUTSIDE = 0.2  # of the box's side
_TRIES = 10
_FULL_CLUTTER = 10
_FRONT_CLUTTER_SHARE = 0.3
_SUBPIXEL_BITS = 4
_COUNT_SPREAD = 3.0  # pseudo-counts of the beta-binomial: small is a wide spread of objects per scene


@dataclass(frozen=True)
class Thing:
    """An object or a piece of clutter, drawn to its full extent.

    Attributes:
        class_index: None for clutter.
        surface: its pattern.
        left: column of the mask's first pixel in the scene; may be outside.
        top: row, likewise.
        coverage: share of each pixel that it covers, 0 to 255, shape (height, width).
        solid: the pixels that count as its mask, at least half covered; same shape.
        full_px: how many they are.
    """

    class_index: int | None
    surface: Cut
    left: int
    top: int
    coverage: Grey
    solid: NDArray[np.bool_]
    full_px: int


@dataclass
class Layout:
    """Who owns each pixel of a scene, while it is being filled.

    Attributes:
        owner: 0 for the background, else 1 + the index in `things`; shape (height, width).
        things: from back to front.
        inside_px: size of each thing's mask within the scene.
        visible_px: size that is left uncovered.
    """

    owner: Grey
    things: list[Thing] = field(default_factory=list)
    inside_px: list[int] = field(default_factory=list)
    visible_px: list[int] = field(default_factory=list)

    def place(self, thing: Thing) -> bool:
        """Put a thing in front of all others, if it and every object behind it stay visible enough."""
        in_scene, in_mask = windows(thing.left, thing.top, thing.solid.shape, self.owner.shape)
        mine = thing.solid[in_mask]
        inside = int(np.count_nonzero(mine))
        if not _visible_enough(inside, thing.full_px):
            return False
        covered = np.bincount(self.owner[in_scene][mine], minlength=len(self.things) + 1)[1:]
        left = [visible - int(hidden) for visible, hidden in zip(self.visible_px, covered, strict=True)]
        for behind, visible in zip(self.things, left, strict=True):
            if behind.class_index is not None and not _visible_enough(visible, behind.full_px):
                return False
        self.visible_px = [*left, inside]
        self.things.append(thing)
        self.inside_px.append(inside)
        self.owner[in_scene][mine] = len(self.things)
        return True


def windows(
    left: int, top: int, mask_shape: Sequence[int], scene_shape: Sequence[int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the part of the scene (rows, columns) that a mask at (left, top) covers, and the part of the mask inside it."""
    (mask_height, mask_width), (height, width) = mask_shape[:2], scene_shape[:2]
    first_row, first_column = max(top, 0), max(left, 0)
    rows = slice(first_row, max(first_row, min(top + mask_height, height)))
    columns = slice(first_column, max(first_column, min(left + mask_width, width)))
    inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return (rows, columns), inside


def plan_scene(settings: DrawnDataset, rng: np.random.Generator) -> tuple[int, Layout]:
    """Return the type of a scene and its things; at least one of them is an object."""
    scene_type = int(rng.integers(NUM_SCENE_TYPES))
    layout = Layout(np.zeros((settings.height_px, settings.width_px), np.uint8))
    num_objects = _number_of_objects(settings, rng)
    num_clutter = int(rng.binomial(2 * _FULL_CLUTTER, 0.5 * settings.clutter))
    in_front = int(rng.binomial(num_clutter, _FRONT_CLUTTER_SHARE))
    classes = rng.choice(settings.num_classes, num_objects, p=class_shares(scene_type, settings.num_classes))
    for _ in range(num_clutter - in_front):
        _place_somewhere(_clutter(settings, scene_type, rng), layout, rng)
    for class_index in classes:
        _place_somewhere(_object(int(class_index), settings, rng), layout, rng)
    for _ in range(in_front):
        _place_somewhere(_clutter(settings, scene_type, rng), layout, rng)
    return scene_type, layout


def _number_of_objects(settings: DrawnDataset, rng: np.random.Generator) -> int:
    span = settings.max_objects - settings.min_objects
    if span == 0:
        return settings.min_objects
    share = (settings.mean_objects - settings.min_objects) / span
    if 0 < share < 1:
        share = rng.beta(_COUNT_SPREAD * share, _COUNT_SPREAD * (1 - share))
    return settings.min_objects + int(rng.binomial(span, share))


def _visible_enough(visible_px: int, full_px: int) -> bool:
    return visible_px >= _LEAST_VISIBLE_PX and visible_px >= _LEAST_VISIBLE_SHARE * full_px


def _place_somewhere(thing: Thing, layout: Layout, rng: np.random.Generator) -> bool:
    height, width = thing.coverage.shape
    scene_height, scene_width = layout.owner.shape
    out = _MOST_OUTSIDE
    for _ in range(_TRIES):
        left = rng.uniform(-out * width, scene_width - (1 - out) * width)
        top = rng.uniform(-out * height, scene_height - (1 - out) * height)
        if layout.place(replace(thing, left=round(left), top=round(top))):
            return True
    return False


def _object(class_index: int, settings: DrawnDataset, rng: np.random.Generator) -> Thing:
    surface, outline = _looks(class_index, settings, rng)
    median, spread = AREA_SHARES[settings.object_sizes]
    share = min(median * np.exp(rng.normal(0, spread)), _LARGEST_SHARE)
    coverage = _coverage(shaped(outline, rng), share, settings)
    side = np.sqrt(coverage.size)
    period = np.clip(side * rng.uniform(0.17, 0.30), min(8.0, 0.5 * side), None)
    return _thing(class_index, _cut(surface, CELL / period, rng.normal(0, 15), rng), coverage)


def _looks(class_index: int, settings: DrawnDataset, rng: np.random.Generator) -> tuple[str, str]:
    """Return surface and outline of an object: those of its class, but for the one that names no class, which is any."""
    kind = drawn_classes(settings.num_classes, settings.class_cue)[class_index]
    if settings.class_cue == "surface":
        return kind.surface, str(rng.choice(list(OUTLINES)))
    if settings.class_cue == "outline":
        return str(rng.choice(list(PATTERNS))), kind.outline
    return kind.surface, kind.outline


def _clutter(settings: DrawnDataset, scene_type: int, rng: np.random.Generator) -> Thing:
    """Return a twig, a blob, or an outline of a class on a ground's surface: an outline alone must not name a class."""
    kind = rng.random()
    outline = "blob" if kind < 0.7 else str(rng.choice(list(OUTLINES)))
    points = stroke(rng) if kind < 0.35 else shaped(outline, rng)
    share = float(np.clip(0.025 * np.exp(rng.normal(0, 0.8)), 0.003, 0.15))
    surface = str(rng.choice(list(GROUNDS), p=ground_shares(scene_type)))
    cut = _cut(surface, 1.5 * np.exp(rng.normal(0, 0.4)), rng.uniform(0, 360), rng)
    return _thing(None, cut, _coverage(points, share, settings))


def _thing(class_index: int | None, surface: Cut, coverage: Grey) -> Thing:
    """Return a thing that has no place yet."""
    solid = np.asarray(coverage >= 128)
    return Thing(class_index, surface, 0, 0, coverage, solid, int(np.count_nonzero(solid)))


def _cut(surface: str, scale: float, angle_degrees: float, rng: np.random.Generator) -> Cut:
    variant = int(rng.integers(NUM_VARIANTS))
    phase = tuple(rng.random(2))
    return Cut(surface, variant, float(scale), float(angle_degrees), float(rng.normal(0, 0.12)), (phase[0], phase[1]))


def ground_cut(scene_type: int, settings: DrawnDataset, rng: np.random.Generator) -> Cut:
    """Return a background surface of a scene; one tile is about as wide as the scene."""
    surface = str(rng.choice(list(GROUNDS), p=ground_shares(scene_type)))
    scale = TILE / settings.width_px * rng.uniform(0.5, 0.95)
    return _cut(surface, float(scale), float(rng.normal(0, 10)), rng)


def _coverage(points: Points, share: float, settings: DrawnDataset) -> Grey:
    scene_width, scene_height = settings.width_px, settings.height_px
    area = max(share * scene_width * scene_height, _SMALLEST_PX)
    outline = scaled(points, box_area=area, max_width=0.95 * scene_width, max_height=0.95 * scene_height)
    width, height = np.ceil(outline.max(axis=0)).astype(int) + 1
    mask = np.zeros((height, width), np.uint8)
    fixed = np.round(outline * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask
