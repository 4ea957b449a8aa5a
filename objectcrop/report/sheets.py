"""Contact sheets: images with their proposals and objects, and the views that a run draws from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, Size
from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import Part, render

ImageArray = NDArray[np.uint8]

# Okabe and Ito's palette, red green blue
OBJECT, TOP_PROPOSAL, OTHER_PROPOSAL = (0, 158, 115), (213, 94, 0), (86, 180, 233)
FIRST_VIEW, SECOND_VIEW = (204, 121, 167), (240, 228, 66)
GAP = 6
BACKGROUND = 255


@dataclass(frozen=True)
class SheetImage:
    """An image of a contact sheet: boxes in its own pixels."""

    image: ImageArray
    proposals: Boxes
    objects: Boxes


def proposal_sheet(images: Sequence[SheetImage], *, columns: int, cell: Size) -> ImageArray:
    """Draw images in a grid: objects green, the best proposal orange, the others blue (thinner).

    Args:
        images: at least one image.
        columns: cells beside each other.
        cell: size of a cell; images keep their shape inside it.
    """
    return grid([_with_boxes(item, cell) for item in images], columns)


def view_sheet(
    samples: Sequence[tuple[ImageArray, tuple[ViewPlan, ViewPlan]]], *, cell: Size, view_px: int
) -> ImageArray:
    """A row for each sample: the image with both regions (thin) and crops (thick), and the two views as trained on.

    Args:
        samples: images and the plans of their views.
        cell: size of the image's cell.
        view_px: side of the views that the network sees; they are enlarged to the cell's height without smoothing.
    """
    rows = []
    for image, plans in samples:
        size = Size(image.shape[1], image.shape[0])
        scale = min(cell.width / size.width, cell.height / size.height)
        drawn = _scaled(image, scale)
        for plan, colour in zip(plans, (FIRST_VIEW, SECOND_VIEW), strict=True):
            _draw_box(drawn, np.array(plan.region_box) * scale, colour, 1)
            _draw_box(drawn, np.array(plan.crop_box) * scale, colour, 3)
        views = [
            _framed(render(Part.whole(image), size, plan, view_px), cell.height, colour)
            for plan, colour in zip(plans, (FIRST_VIEW, SECOND_VIEW), strict=True)
        ]
        rows.append(np.hstack([centred(drawn, cell), _gap(cell.height), views[0], _gap(cell.height), views[1]]))
    return grid(rows, 1)


def boxes_of_cell(item: SheetImage, cell: Size) -> tuple[ImageArray, float]:
    """Return an image that fits into a cell, with its objects, and its scale."""
    height, width = item.image.shape[:2]
    scale = min(cell.width / width, cell.height / height)
    drawn = _scaled(item.image, scale)
    for box in item.objects:
        _draw_box(drawn, box * scale, OBJECT, 2)
    return drawn, scale


def _with_boxes(item: SheetImage, cell: Size) -> ImageArray:
    drawn, scale = boxes_of_cell(item, cell)
    for box in item.proposals[:0:-1]:
        _draw_box(drawn, box * scale, OTHER_PROPOSAL, 1)
    for box in item.proposals[:1]:
        _draw_box(drawn, box * scale, TOP_PROPOSAL, 2)
    return centred(drawn, cell)


def _scaled(image: ImageArray, scale: float) -> ImageArray:
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def _draw_box(image: ImageArray, box: NDArray[np.float64], colour: tuple[int, int, int], thickness: int) -> None:
    x1, y1, x2, y2 = (round(float(corner)) for corner in box)
    cv2.rectangle(image, (x1, y1), (max(x2 - 1, x1), max(y2 - 1, y1)), colour, thickness)


def centred(image: ImageArray, cell: Size) -> ImageArray:
    """Return an image in the middle of a white cell."""
    sheet = np.full((cell.height, cell.width, 3), BACKGROUND, dtype=np.uint8)
    top, left = (cell.height - image.shape[0]) // 2, (cell.width - image.shape[1]) // 2
    sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def _framed(view: ImageArray, side: int, colour: tuple[int, int, int]) -> ImageArray:
    framed = np.ascontiguousarray(cv2.resize(view, (side, side), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    cv2.rectangle(framed, (0, 0), (side - 1, side - 1), colour, 3)
    return framed


def _gap(height: int) -> ImageArray:
    return np.full((height, GAP, 3), BACKGROUND, dtype=np.uint8)


def grid(cells: Sequence[ImageArray], columns: int) -> ImageArray:
    """Return cells of one size beside and below each other.

    Raises:
        ValueError: if there is none.
    """
    if not cells:
        raise ValueError("a contact sheet needs at least one image")
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // columns)
    used = min(columns, len(cells))
    sheet = np.full((rows * (height + GAP) - GAP, used * (width + GAP) - GAP, 3), BACKGROUND, dtype=np.uint8)
    for place, image in enumerate(cells):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet
