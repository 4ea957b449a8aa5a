"""Objects by repeated normalised cuts of a feature map: MaskCut of CutLER (Wang et al. 2023, arXiv:2301.11320), section 3.2.

One cut is TokenCut (Wang et al. 2022, arXiv:2202.11539): cells are joined where their features are alike, and a normalised
cut parts them (`normalised_cut`). We leave out the CRF that refines masks to pixels, as only their boxes are used.
"""

import numpy as np
from scipy import ndimage

from objectcrop.boxes import Boxes, Size
from objectcrop.proposals.cells import pixel_runs
from objectcrop.proposals.sources.normalised_cut import Cells, Vector, alike_cells, cut_vector
from objectcrop.proposals.sources.searches import ScoredBoxes, Search
from objectcrop.proposals.trunk import FeatureMap, ImageArray, Trunk
from objectcrop.study.settings.proposals import MaskCutProposals

FEWEST_CELLS = 2
MAX_CORNERS = 1
"""An object holds at most this many of the four corners."""


def mask_cut(trunk: Trunk, source: MaskCutProposals) -> Search:
    """The search of the settings; the score is minus the number of cuts made before, as the paper gives none."""

    def search(image: ImageArray, rng: np.random.Generator) -> ScoredBoxes:
        (features,) = trunk.maps(image)
        if not np.isfinite(features).all():
            raise ValueError("the trunk gives features that are not finite; check its weights")
        masks = cut_masks(
            features, num_cuts=source.num_cuts, min_cosine=source.min_cosine, centred=source.centring == "image"
        )
        boxes = mask_boxes(masks, Size(image.shape[1], image.shape[0]))
        return ScoredBoxes(boxes, -np.arange(len(boxes), dtype=np.float64))

    return search


def cut_masks(features: FeatureMap, *, num_cuts: int, min_cosine: float, centred: bool) -> Cells:
    """Return masks of objects, shape (objects, height, width), in the order of the cuts; no cell is in two of them.

    After each cut the cells of its object are joined to nothing any more. It ends early when too few cells are left, when
    an object has a single one, or when all are alike.

    Args:
        features: map (channels, height, width), finite.
        num_cuts: N.
        min_cosine: tau.
        centred: take the mean over the cells from the features first.
    """
    _, height, width = features.shape
    alike = alike_cells(features - features.mean(axis=(1, 2), keepdims=True) if centred else features, min_cosine)
    masks: list[Cells] = []
    free = np.ones(height * width, dtype=bool)  # cells column by column; `alike` has those that are free
    for _ in range(num_cuts):
        num_free = len(alike)
        if num_free < 2 * FEWEST_CELLS:
            break
        if not alike.any() or (num_free == len(free) and alike.all()):
            break  # nothing distinguishes one cell from another
        values = np.empty(len(free))
        values[free], values[~free] = cut_vector(alike, len(free) - num_free)
        side = object_side(values.reshape(width, height).T).T.reshape(-1) & free
        if side.sum() < FEWEST_CELLS:
            break
        masks.append(side.reshape(width, height).T)
        alike = alike[~side[free]][:, ~side[free]]
        free &= ~side
    return np.array(masks, dtype=bool).reshape(-1, height, width)


def object_side(values: Vector) -> Cells:
    """The object's cells of a cut (height, width).

    The cut is at the mean. The object is the side of the cell with the greatest absolute value, unless that side holds two
    or more of the image's corners: then it is the other. Of that side the 4-connected piece of its own most extreme
    cell is kept.
    """
    above = values > values.mean()
    extreme = np.unravel_index(np.abs(values).argmax(), values.shape)
    side = above if above[extreme] else ~above
    if _num_corners(side) > MAX_CORNERS:
        side = ~side
    distance = np.where(side, np.abs(values - values.mean()), -1.0)
    pieces, _ = ndimage.label(side)
    return np.asarray(side & (pieces == pieces[np.unravel_index(distance.argmax(), values.shape)]))


def _num_corners(side: Cells) -> int:
    rows, columns = {0, side.shape[0] - 1}, {0, side.shape[1] - 1}
    return sum(int(side[row, column]) for row in rows for column in columns)


def mask_boxes(masks: Cells, size: Size) -> Boxes:
    """The box of each mask, shape (n, 4), half-open pixels of the image that the map is of."""
    left, right = pixel_runs(masks.shape[2], size.width)
    top, bottom = pixel_runs(masks.shape[1], size.height)
    boxes = np.zeros((len(masks), 4))
    for row, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        row[:] = left[columns[0]], top[rows[0]], right[columns[-1]], bottom[rows[-1]]
    return boxes
