"""Boxes of a local saliency map: its connected pieces at falling thresholds (spec of LOD, 2.6 and 2.10).

All work is done on cells, in one pass that joins pieces as they meet (`sweep_loops`): nearest-neighbour enlargement maps each
column of cells to a run of pixels, so a connected piece of cells is a connected piece of pixels. `literal_sweep` does it in pixels.
Boxes are half-open pixels (x1, y1, x2, y2), integers.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from objectcrop.boxes import Size
from objectcrop.proposals.cells import FramedMaps, Ints, Map, pixel_runs
from objectcrop.proposals.lod.regions.peaks import descending
from objectcrop.proposals.lod.regions.saliency import framed
from objectcrop.proposals.loops import sweep as sweep_loops


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
    order = np.argsort(keys)
    starts = np.flatnonzero(np.diff(keys[order], prepend=~keys[order[:1]]))
    first = np.minimum.reduceat(order, starts) if len(starts) else order
    return boxes[first], first


def pixel_counts(values: Map, num_levels: int) -> Ints:
    """How many of the greatest cells are kept at each level: round(j * positive cells / levels), halves up."""
    return level_counts(int(np.count_nonzero(values > 0)), num_levels)


def level_counts(positive: int | Ints, num_levels: int) -> Ints:
    """What `pixel_counts` gives for maps with that number of positive cells."""
    return np.asarray((np.arange(2, 2 * num_levels + 2, 2) * positive + num_levels) // (2 * num_levels))


def map_boxes(
    values: Map,
    size: Size,
    counts: Ints,
    *,
    top_level: float = 1.0,
    connectivity: int = 4,
    reference: bool = False,
    repeats: bool = True,
) -> RootedBoxes:
    """Return the boxes of one map's pieces, level by level; within a level by the pieces' first cells.

    A piece counts if it reaches min(top_level, greatest value). Levels that keep fewer cells than the map has pieces at
    that height are dropped.

    Args:
        values: local saliency (height, width), not negative.
        size: image that the boxes are for.
        counts: cells kept at each level, rising, as `pixel_counts` gives them.
        top_level: saliency that a piece must reach.
        connectivity: 4 or 8.
        reference: take as root the first of the level's roots that is in the box's back-projection, as released,
            instead of the piece's own.
        repeats: give a piece's box at every level, as `reference` needs; otherwise less often where its box and root stay as
            they were, which changes neither the distinct boxes nor where each occurs first among them.
    """
    height, width = values.shape
    flat = framed(values).reshape(-1)
    order = np.flatnonzero(flat > 0)
    if len(order) == 0:
        return RootedBoxes(np.zeros((0, 4), np.int64), np.zeros(0, np.int64))
    order = order[descending(flat[order])]
    reach = min(top_level, float(flat[order[0]]))
    strong, kept = np.count_nonzero(flat[order] >= reach), counts.astype(np.int64)
    rows = sweep_loops.sweep(
        order,
        np.array([0, len(order)]),
        np.array([strong]),
        kept[None],
        len(flat),
        height + 2,
        connectivity,
        framed_edges(height, width, size),
        repeats or reference,
    )
    boxes, roots = rows[:, :4], rows[:, 4]
    if reference:
        roots = released_roots(boxes, roots, rows[:, 5], size, values.shape)
    return RootedBoxes(boxes, roots)


def boxes_of_maps(maps: FramedMaps, height: int, size: Size, num_levels: int) -> RootedBoxes:
    """Return what `map_boxes` gives, without repeats, for each of many maps at `num_levels` levels; map after map.

    Args:
        maps: not negative, each with a frame of 0 one cell wide, by column: shape (maps, framed cells).
        height: cells in a column, without the frame.
        size: image that the boxes are for.
        num_levels: levels, as `pixel_counts` takes them.
    """
    num_cells = maps.shape[1]
    places = np.flatnonzero(maps)
    starts = np.searchsorted(places, np.arange(len(maps) + 1) * num_cells)
    # Floats that are not negative are in the order of their bits. So one number has a cell's value, falling, and its place,
    # rising: as fast to sort as the values alone, and nothing ties.
    falling = (~maps.reshape(-1)[places].view(np.uint32)).astype(np.uint64) << 32
    keys = falling | (places % num_cells).astype(np.uint64)
    strong = np.zeros(len(maps), np.int64)
    reach = ~np.minimum(maps.max(axis=1, initial=0), np.float32(1)).view(np.uint32)
    for index, (begin, end) in enumerate(pairwise(starts)):
        keys[begin:end].sort()
        strong[index] = np.searchsorted(keys[begin:end], (np.uint64(reach[index]) + np.uint64(1)) << np.uint64(32))
    width = num_cells // (height + 2) - 2
    rows = sweep_loops.sweep(
        (keys & np.uint64(0xFFFFFFFF)).astype(np.int64),
        starts,
        strong,
        level_counts(np.diff(starts)[:, None], num_levels),
        num_cells,
        height + 2,
        4,
        framed_edges(height, width, size),
        False,
    )
    return RootedBoxes(rows[:, :4], rows[:, 4])


@lru_cache(maxsize=1024)
def framed_edges(height: int, width: int, size: Size) -> Ints:
    """First and one past the last pixel of each column and of each row of a map with a frame, shape (4, longer side)."""
    edges = np.zeros((4, max(height, width) + 2), np.int64)
    edges[0:2, 1 : width + 1] = pixel_runs(width, size.width)
    edges[2:4, 1 : height + 1] = pixel_runs(height, size.height)
    return edges


def released_roots(boxes: Ints, roots: Ints, level: Ints, size: Size, shape: tuple[int, ...]) -> Ints:
    """For each box the first root of its level, in the order of the boxes, in the box's back-projection; -1 if none is."""
    height, width = shape
    share = np.array([width / size.width, height / size.height])
    # the release counts from 1 and includes both ends; half-open x2 equals its x2
    low = np.floor((boxes[:, :2] + 1) * share)
    high = np.ceil(boxes[:, 2:] * share)
    place = np.stack([roots // height, roots % height], axis=1) + 1
    fits = (place[None] >= low[:, None]) & (place[None] <= high[:, None])
    hit = fits.all(axis=2) & (level[:, None] == level[None, :])
    return np.where(hit.any(axis=1), roots[hit.argmax(axis=1)], -1)
