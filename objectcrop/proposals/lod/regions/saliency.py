"""Saliency of a feature map: where it is high at all, and what belongs to a peak (spec of LOD, 2.1, 2.2, 2.4, 2.5).

Maps have shape (height, width), feature maps (channels, height, width); cells are numbered column by column.
"""

from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.cells import FramedMaps, Map, unit_features
from objectcrop.proposals.lod.regions.peaks import neighbours_of_cells
from objectcrop.proposals.loops import saliency as saliency_loops

_Value = TypeVar("_Value", np.float32, np.float64, np.bool_)


class PeakMap(NamedTuple):
    """A saliency map with everything but candidates set to 0, and the least value of a peak."""

    values: Map
    min_value: float


def unlike_mean(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each cell has above the map's mean, then what it has below, shape (2 * channels, height, width), not negative.

    The sum over its channels is a cell's distance (L1) from the mean; two cells point the same way if they differ from the
    mean in the same way. So a map of either sign, or one whose cells are all alike but for a few, serves LOD.

    Args:
        features: map (channels, height, width).
    """
    rest = features - features.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(features.dtype)
    return np.concatenate([np.maximum(rest, 0), np.maximum(-rest, 0)])


def without_border(values: NDArray[_Value], rows: int = 1, columns: int = 1) -> NDArray[_Value]:
    """A copy whose outermost rows and columns are 0; the last two axes are height and width."""
    cleared = values.copy()
    if rows:
        cleared[..., :rows, :] = 0
        cleared[..., -rows:, :] = 0
    if columns:
        cleared[..., :columns] = 0
        cleared[..., -columns:] = 0
    return cleared


def framed(values: NDArray[_Value]) -> NDArray[_Value]:
    """Return a map (height, width) with a frame of 0 one cell wide, by column: shape (width + 2, height + 2)."""
    height, width = values.shape
    padded = np.zeros((width + 2, height + 2), values.dtype)
    padded[1:-1, 1:-1] = values.T
    return padded


def peak_map(saliency: Map, rule: Literal["base", "wide_margin"]) -> PeakMap:
    """Candidates for peaks.

    'base' (VGG16) clears one cell around and what is at most 0.3 of the greatest value, border included; 'wide_margin'
    (self-supervised trunks) clears a fifteenth on each side and what is at most 0.5 of the greatest value inside.
    """
    if rule == "base":
        limit = 0.3 * float(saliency.max())
        cleared = without_border(saliency)
    else:
        cleared = without_border(saliency, saliency.shape[0] // 15, saliency.shape[1] // 15)
        limit = 0.5 * float(cleared.max())
    return PeakMap(np.where(cleared > limit, cleared, 0.0), limit)


def global_mask(saliency: Map, share: float = 0.5) -> NDArray[np.bool_]:
    """Cells off the border above `share` of the mean over all cells (those of the border counted as 0)."""
    inside = without_border(saliency)
    return np.asarray(inside > share * inside.mean())


def local_maps(
    features: NDArray[np.float32],
    lengths: NDArray[np.float32],
    peaks: NDArray[np.int64],
    mask: NDArray[np.bool_],
    *,
    reference: bool = False,
) -> FramedMaps:
    """What resembles each peak, values 0 to 2.

    Similarity to the peak plus mean similarity to its neighbours; kept where it is above its mean, in 4-connected pieces
    that reach 1 somewhere, off the border and inside `mask`.

    Args:
        features: map (channels, height, width), not negative.
        lengths: of the cells' vectors, as `channel_sums` gives them.
        peaks: cells.
        mask: global mask (height, width).
        reference: average the released choice of neighbours: without the one directly below, with wrap-around.
    """
    _, height, width = features.shape
    around = neighbours_of_cells(height, width, reference=reference)[peaks]
    if reference:
        around = np.where(around == peaks[:, None] + 1, -1, around)
    unit = unit_features(features, lengths)
    by_row = np.append(np.arange(height * width).reshape(height, width).T, -1)
    similarity = saliency_loops.seeds(unit, by_row[peaks], by_row[around]) @ unit
    inside = framed(without_border(mask))
    return saliency_loops.strong_pieces(
        similarity, similarity.mean(axis=1, dtype=np.float64), inside.reshape(-1), height, 1.0
    )


def without_frame(maps: FramedMaps, height: int) -> NDArray[np.float32]:
    """Return maps in the order of an image, shape (maps, height, width)."""
    return maps.reshape(len(maps), -1, height + 2)[:, 1:-1, 1:-1].transpose(0, 2, 1)
