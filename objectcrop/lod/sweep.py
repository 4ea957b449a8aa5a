"""Boxes of a local saliency map: its connected pieces at falling thresholds (spec of LOD, 2.6 and 2.10).

All work is done on cells: nearest-neighbour enlargement maps each column of cells to a run of pixels, so a connected piece
of cells is a connected piece of pixels. Boxes are half-open pixels (x1, y1, x2, y2), integers.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from objectcrop.boxes import Size
from objectcrop.lod.peaks import descending
from objectcrop.lod.saliency import IN_PLANE_4, IN_PLANE_8, Map

Ints = NDArray[np.int64]


class RootedBoxes(NamedTuple):
    """Boxes and where each comes from."""

    boxes: Ints
    """Shape (n, 4), half-open pixels."""
    roots: Ints
    """Shape (n,): the cell of the strongest response, column by column from 0; -1 if there is none."""


def distinct(boxes: Ints) -> tuple[Ints, Ints]:
    """Each box once, sorted by (x1, y1, x2, y2), and where it occurs first; coordinates from 0 to 65535.

    One number a box sorts ten times faster than rows of four.
    """
    assert boxes.min(initial=0) >= 0
    assert boxes.max(initial=0) < 1 << 16
    corners = boxes.astype(np.uint64).T
    keys = corners[0] << 48 | corners[1] << 32 | corners[2] << 16 | corners[3]
    first = np.unique(keys, return_index=True)[1]
    return boxes[first], first


@lru_cache(maxsize=1024)
def pixel_runs(cells: int, pixels: int) -> tuple[Ints, Ints]:
    """First pixel and one past the last pixel of each cell along one axis, under nearest-neighbour enlargement.

    Pixel x reads cell floor((2x+1) cells / (2 pixels)), in integers.
    """
    cell_of_pixel = (2 * np.arange(pixels) + 1) * cells // (2 * pixels)
    edges = np.searchsorted(cell_of_pixel, np.arange(cells + 1))
    return edges[:-1], edges[1:]


def pixel_counts(values: Map, num_levels: int) -> Ints:
    """How many of the greatest cells are kept at each level: round(j * positive cells / levels), halves up."""
    positive = int((values > 0).sum())
    return (2 * np.arange(1, num_levels + 1) * positive + num_levels) // (2 * num_levels)


def map_boxes(
    values: Map,
    size: Size,
    counts: Ints,
    *,
    top_level: float = 1.0,
    connectivity: int = 4,
    reference: bool = False,
) -> RootedBoxes:
    """Boxes of one map's pieces, level by level; within a level by the pieces' first cells.

    A piece counts if it reaches min(top_level, greatest value). Levels that keep fewer cells than the map has pieces at
    that height are dropped.

    Args:
        values: local saliency (height, width), not negative.
        size: picture that the boxes are for.
        counts: cells kept at each level, as `pixel_counts` gives them.
        top_level: saliency that a piece must reach.
        connectivity: 4 or 8.
        reference: take as root the first of the level's roots that lies in the box's back-projection, as released,
            instead of the piece's own.
    """
    rows, columns = np.flatnonzero(values.any(axis=1)), np.flatnonzero(values.any(axis=0))
    if len(rows) == 0:
        return RootedBoxes(np.zeros((0, 4), np.int64), np.zeros(0, np.int64))
    corner = int(rows[0]), int(columns[0])
    # what lies around the positive cells is in no piece
    inner = values[corner[0] : rows[-1] + 1, corner[1] : columns[-1] + 1]
    height, width = inner.shape
    flat = inner.T.reshape(-1)
    order = np.flatnonzero(flat > 0)
    structure = IN_PLANE_4 if connectivity == 4 else IN_PLANE_8
    reach = min(top_level, float(flat.max()))
    fewest = ndimage.label(inner >= reach, structure[1])[1]
    counts = counts[counts >= fewest]
    order = order[descending(flat[order])]
    rank = np.full(flat.size, flat.size)
    rank[order] = np.arange(order.size)
    above = (rank < counts[:, None]).reshape(-1, width, height)
    pieces, number = ndimage.label(above, structure)
    spans = _spans(pieces, np.flatnonzero(above), number)
    # the strongest cell of a piece is its first in the order of falling values, so it must be written last
    by_strength = pieces.reshape(len(counts), -1)[:, order[: counts.max(initial=0)][::-1]]
    roots = np.zeros(number + 1, dtype=np.int64)
    roots[by_strength] = order[: counts.max(initial=0)][::-1]
    kept = np.flatnonzero(flat[roots[1:]] >= reach) + 1
    kept = kept[np.argsort(spans.first[kept], kind="stable")]
    level = spans.first[kept] // flat.size
    boxes = spans.boxes(kept, size, values.shape, corner)
    cells = (roots[kept] // height + corner[1]) * values.shape[0] + roots[kept] % height + corner[0]
    if reference:
        return RootedBoxes(boxes, _released_roots(boxes, cells, level, size, values.shape))
    return RootedBoxes(boxes, cells)


class _Spans(NamedTuple):
    """Extent of every piece in cells, inclusive; row 0 is the background."""

    first: Ints  # index in the stack of the first cell in column order
    low_column: Ints
    high_column: Ints
    low_row: Ints
    high_row: Ints

    def boxes(self, pieces: Ints, size: Size, shape: tuple[int, ...], corner: tuple[int, int]) -> Ints:
        """Half-open pixels; `corner` is the row and column of the first cell in the whole map of this shape."""
        left, right = pixel_runs(shape[1], size.width)
        top, bottom = pixel_runs(shape[0], size.height)
        return np.stack(
            [
                left[self.low_column[pieces] + corner[1]],
                top[self.low_row[pieces] + corner[0]],
                right[self.high_column[pieces] + corner[1]],
                bottom[self.high_row[pieces] + corner[0]],
            ],
            axis=1,
        )


def _spans(pieces: NDArray[np.int32], inside: Ints, number: int) -> _Spans:
    _, width, height = pieces.shape
    label = pieces.reshape(-1)[inside]
    # the last write to an index wins: written backwards, the least cell remains
    first = np.zeros(number + 1, dtype=np.int64)
    first[label[::-1]] = inside[::-1]
    last = np.zeros(number + 1, dtype=np.int64)
    last[label] = inside
    row = inside % height
    low, high = np.full(number + 1, height, dtype=np.int64), np.zeros(number + 1, dtype=np.int64)
    np.minimum.at(low, label, row)
    np.maximum.at(high, label, row)
    return _Spans(first, first // height % width, last // height % width, low, high)


def _released_roots(boxes: Ints, roots: Ints, level: Ints, size: Size, shape: tuple[int, ...]) -> Ints:
    height, width = shape
    share = np.array([width / size.width, height / size.height])
    # the release counts from 1 and includes both ends; half-open x2 equals its x2
    low = np.floor((boxes[:, :2] + 1) * share)
    high = np.ceil(boxes[:, 2:] * share)
    place = np.stack([roots // height, roots % height], axis=1) + 1
    fits = (place[None] >= low[:, None]) & (place[None] <= high[:, None])
    hit = fits.all(axis=2) & (level[:, None] == level[None, :])
    return np.where(hit.any(axis=1), roots[hit.argmax(axis=1)], -1)
