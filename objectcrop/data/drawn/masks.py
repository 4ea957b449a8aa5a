"""Boxes, flags and polygons of the objects of a planned scene, and its class map, from the pixels that stay visible."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.data.drawn.plan import Layout, windows

_OCCLUDED_SHARE = 0.01
_UPSAMPLING = 2  # contours run through the middle of pixels: at twice the size they are a quarter pixel inside


@dataclass(frozen=True)
class DrawnObject:
    """One object as far as it is visible.

    Attributes:
        class_index: in the list of drawn classes.
        box: x1, y1, x2, y2 in pixels, half-open: the smallest box around the visible pixels.
        area_px: number of visible pixels.
        is_occluded: something in front hides more than 1% of what is in the scene.
        is_truncated: part of it is outside the scene.
        polygons: outlines of the visible parts, each x, y, x, y ... in pixels; holes are filled, as COCO's are.
    """

    class_index: int
    box: tuple[int, int, int, int]
    area_px: int
    is_occluded: bool
    is_truncated: bool
    polygons: list[list[float]]


def visible_objects(layout: Layout) -> list[DrawnObject]:
    """Return the objects of a scene, from back to front; clutter is left out."""
    objects = []
    for index, thing in enumerate(layout.things):
        if thing.class_index is None:
            continue
        (rows, columns), _ = windows(thing.left, thing.top, thing.solid.shape, layout.owner.shape)
        mask = layout.owner[rows, columns] == index + 1
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        visible, inside = layout.visible_px[index], layout.inside_px[index]
        corner = np.array([columns.start, rows.start])
        left, top = int(corner[0] + x), int(corner[1] + y)
        objects.append(
            DrawnObject(
                class_index=thing.class_index,
                box=(left, top, left + width, top + height),
                area_px=visible,
                is_occluded=visible < (1 - _OCCLUDED_SHARE) * inside,
                is_truncated=inside < thing.full_px,
                polygons=_polygons(mask, corner),
            )
        )
    return objects


def class_map(layout: Layout) -> NDArray[np.uint8]:
    """Return the class of each pixel of a scene, shape (height, width): 0 is background or clutter, else 1 + its index."""
    classes = [0 if thing.class_index is None else thing.class_index + 1 for thing in layout.things]
    return np.array([0, *classes], dtype=np.uint8)[layout.owner]


def _polygons(mask: NDArray[np.bool_], corner: NDArray[np.int64]) -> list[list[float]]:
    height, width = mask.shape
    size = (_UPSAMPLING * width, _UPSAMPLING * height)
    large = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in contours:
        simple = cv2.approxPolyDP(contour, 0.6, closed=True)
        if len(simple) < 3:  # a polygon needs three corners; thinner slivers stay in the box and the area only
            continue
        points = (simple[:, 0].astype(np.float64) + 0.5) / _UPSAMPLING + corner
        polygons.append([float(value) for value in points.ravel()])
    return polygons
