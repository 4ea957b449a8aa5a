"""Region proposals of one image: the boxes of all peaks of two layers, merged and capped (spec of LOD, section 2)."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size
from objectcrop.proposals.cells import channel_sums
from objectcrop.proposals.lod.regions.image_regions import Regions
from objectcrop.proposals.lod.regions.peaks import column_major, find_peaks
from objectcrop.proposals.lod.regions.saliency import global_mask, local_maps, peak_map, without_border, without_frame
from objectcrop.proposals.lod.regions.sweep import RootedBoxes, boxes_of_maps, distinct, map_boxes, pixel_counts


def layer_regions(
    features: NDArray[np.float32],
    size: Size,
    *,
    rule: Literal["base", "wide_margin"],
    max_peaks: int = 20,
    num_levels: int = 50,
    reference: bool = False,
) -> RootedBoxes:
    """Return the distinct boxes of one layer, sorted; one is the whole image, rooted at the most salient cell.

    A map without peaks, as of an image of one colour, gives the whole image alone; an image of one pixel in width or
    height gives nothing.

    Args:
        features: map (channels, height, width), not negative.
        size: image that the boxes are for.
        rule: which cells may be peaks.
        max_peaks: saliency peaks.
        num_levels: thresholds of each local map.
        reference: reproduce the released code's quirks (decision 0003).
    """
    saliency, lengths = channel_sums(features)
    candidates = peak_map(saliency, rule)
    peaks = find_peaks(candidates.values, min_value=candidates.min_value, max_peaks=max_peaks, reference=reference)
    maps = local_maps(features, lengths, peaks, global_mask(saliency), reference=reference)
    height = len(saliency)
    if reference:
        parts = [
            map_boxes(values, size, pixel_counts(values, num_levels), reference=True)
            for values in without_frame(maps, height).astype(np.float64)
        ]
    else:
        parts = [boxes_of_maps(maps, height, size, num_levels)]
    boxes = np.concatenate([*(part.boxes for part in parts), [[0, 0, *size]]])
    top = int(column_major(without_border(saliency)).argmax())
    roots = np.concatenate([*(part.roots for part in parts), [top]])
    boxes, first = distinct(boxes)
    roots = roots[first]
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides > 1).all(axis=1) & (roots >= 0)
    return RootedBoxes(boxes[kept], roots[kept])


def merge_layers(fine: RootedBoxes, coarse: RootedBoxes) -> Regions:
    """Distinct boxes of both layers, sorted; a box of both belongs to the finer one."""
    boxes = np.concatenate([fine.boxes, coarse.boxes])
    layers = np.repeat([0, 1], [len(fine.boxes), len(coarse.boxes)])
    boxes, first = distinct(boxes)
    return Regions(boxes, np.concatenate([fine.roots, coarse.roots])[first], layers[first])


def cap_regions(regions: Regions, max_regions: int, rng: np.random.Generator) -> Regions:
    """At most `max_regions`: the first, which is the whole image, and a uniform draw of the others, order kept."""
    count = len(regions.boxes)
    if count <= max_regions:
        return regions
    others = rng.choice(count - 1, size=max_regions - 1, replace=False) + 1
    kept = np.concatenate([[0], np.sort(others)])
    return Regions(regions.boxes[kept], regions.roots[kept], regions.layers[kept])
