"""Targets of the localization loss: in which cells of the whole image the object crop is."""

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size
from objectcrop.views.regions import Box


def occupancy(crop_box: Box, size: Size, patches: int, *, is_flipped: bool) -> NDArray[np.uint8]:
    """Return 1 for each cell of the image that shares any area with the crop, else 0, shape (patches, patches), rows first.

    Args:
        crop_box: the crop of the object view, pixels of the image that it was drawn on: whole ones, for an exact answer
            (see `plan.drawn_crop`).
        size: size of that image.
        patches: p; the image is divided in p x p equal cells.
        is_flipped: whether the view of the whole image is mirrored; the cells then are too. The object view's own flip
            does not matter.
    """
    x1, y1, x2, y2 = crop_box
    columns = _overlapped(x1, x2, size.width, patches)
    rows = _overlapped(y1, y2, size.height, patches)
    cells = rows[:, None] & columns[None, :]
    return np.ascontiguousarray(cells[:, ::-1] if is_flipped else cells).astype(np.uint8)


def _overlapped(low: float, high: float, length: int, patches: int) -> NDArray[np.bool_]:
    # compared as multiples of length / patches: edges of cells stay exact for whole pixels
    starts = np.arange(patches) * length
    return np.asarray((starts < high * patches) & (starts + length > low * patches))
