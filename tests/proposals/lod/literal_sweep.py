"""The threshold sweep as the specification reads (spec of LOD, 2.6): threshold, label, enlarge to pixels, label again.

What `sweep.map_boxes` does in one pass over the cells must equal this, for images with at least a pixel a cell.
"""

import numpy as np
from scipy import ndimage

from objectcrop.boxes import Size
from objectcrop.proposals.cells import Ints, Map
from objectcrop.proposals.lod.regions.peaks import column_major, descending
from objectcrop.proposals.lod.regions.sweep import RootedBoxes, released_roots


def literal_map_boxes(
    values: Map,
    size: Size,
    counts: Ints,
    *,
    top_level: float = 1.0,
    connectivity: int = 4,
    reference: bool = False,
) -> RootedBoxes:
    """Return boxes of one map's pieces, level by level; within a level by first pixels, column by column.

    It takes what `sweep.map_boxes` takes.
    """
    flat = column_major(values)
    reach = min(top_level, float(flat.max()))
    neighbours = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    order = descending(flat)
    # maps and images are transposed, so that the first cell or pixel is that of the first column
    shape = values.shape[::-1]
    enlarge = np.ix_(*(_cell_of_pixel(cells, pixels) for cells, pixels in zip(shape, size, strict=True)))
    boxes, roots, levels = [], [], []
    for level, count in enumerate(counts[counts >= ndimage.label(values >= reach, neighbours)[1]]):
        pieces, number = ndimage.label(np.isin(np.arange(flat.size), order[:count]).reshape(shape), neighbours)
        strongest = np.array([np.where(pieces.reshape(-1) == piece, flat, -1).argmax() for piece in range(number + 1)])
        good = [piece for piece in range(1, number + 1) if flat[strongest[piece]] >= reach]
        piece_of_pixel = pieces[enlarge]
        labels = ndimage.label(np.isin(pieces, good)[enlarge], neighbours)[0]
        for label, (across, down) in enumerate(ndimage.find_objects(labels), start=1):
            boxes.append((across.start, down.start, across.stop, down.stop))
            piece = piece_of_pixel[across, down][labels[across, down] == label][0]
            roots.append(strongest[piece])
            levels.append(level)
    rows = np.array(boxes, dtype=np.int64).reshape(-1, 4)
    own = np.array(roots, dtype=np.int64)
    if reference:
        return RootedBoxes(rows, released_roots(rows, own, np.array(levels, dtype=np.int64), size, values.shape))
    return RootedBoxes(rows, own)


def _cell_of_pixel(cells: int, pixels: int) -> Ints:
    return (2 * np.arange(pixels) + 1) * cells // (2 * pixels)
