"""Proposals without discovery: annotated boxes, a grid, boxes of random place, one centred box."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from objectcrop.boxes import Boxes, Size, to_pixels
from objectcrop.proposals.table import BoxTable
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.proposals import (
    CentreProposals,
    EdgeBoxesProposals,
    GridProposals,
    GroundTruthProposals,
    ProposalSource,
    RandomProposals,
)


class SourceInputs(NamedTuple):
    """What a source may read, beside an image's size."""

    annotations: pd.DataFrame | None = None
    """ANNOTATIONS, for ground truth."""
    boxes: Mapping[str, Boxes] | None = None
    """Boxes of another source by image, for random boxes of their sizes."""


def centre_box(size: Size, area_share: float) -> Boxes:
    """The centred box with the image's shape and a share of its area, shape (1, 4)."""
    margin = (1 - np.sqrt(area_share)) / 2
    return to_pixels(np.array([[margin, margin, 1 - margin, 1 - margin]]), size)


def grid_boxes(size: Size, rows: int, columns: int) -> Boxes:
    """The cells of a grid over the image, row by row."""
    top, left = (line.reshape(-1) for line in np.mgrid[:rows, :columns])
    return to_pixels(
        np.stack([left / columns, top / rows, (left + 1) / columns, (top + 1) / rows], axis=1).astype(np.float64), size
    )


def scatter_boxes(boxes: Boxes, size: Size, rng: np.random.Generator) -> Boxes:
    """The same boxes, each moved to a place drawn uniformly among those inside the image."""
    sides = np.minimum(boxes[:, 2:] - boxes[:, :2], np.array(size, dtype=np.float64))
    corners = rng.random((len(boxes), 2)) * (np.array(size) - sides)
    return np.concatenate([corners, corners + sides], axis=1)


def annotated_boxes(annotations: pd.DataFrame, *, drop_group_of: bool) -> Mapping[str, Boxes]:
    """Relative boxes of the annotations by image; depictions stay, group-of and crowd boxes go if asked."""
    if drop_group_of:
        annotations = annotations[~(annotations["is_group_of"] | annotations["is_crowd"])]
    return BoxTable(annotations["image_id"], annotations)


def make_boxes(
    source: ProposalSource, sizes: dict[str, Size], inputs: SourceInputs, *, study_seed: int
) -> Iterator[tuple[str, Boxes]]:
    """Return the boxes of every image by a source that discovers nothing; images for which it has none are left out.

    Raises:
        ValueError: if the source reads images, or lacks what it reads.
    """
    match source:
        case CentreProposals():
            return ((name, centre_box(size, source.area_share)) for name, size in sizes.items())
        case GridProposals():
            return ((name, grid_boxes(size, source.rows, source.columns)) for name, size in sizes.items())
        case RandomProposals():
            if inputs.boxes is None:
                raise ValueError(f"random proposals copy the sizes of '{source.sizes_of}': give its table")
            return _scattered(inputs.boxes, sizes, study_seed)
        case GroundTruthProposals():
            if inputs.annotations is None:
                raise ValueError("ground-truth proposals need the data set's annotations")
            return _drawn(
                source, annotated_boxes(inputs.annotations, drop_group_of=source.drop_group_of), sizes, study_seed
            )
        case _:
            raise ValueError(f"proposals of kind {source.kind} are not made in one step; see rules/proposals.smk")


def _scattered(boxes: Mapping[str, Boxes], sizes: dict[str, Size], study_seed: int) -> Iterator[tuple[str, Boxes]]:
    for name in sorted(boxes):
        if name in sizes:
            yield name, scatter_boxes(boxes[name], sizes[name], generator(study_seed, "proposals.random", name))


def _drawn(
    source: GroundTruthProposals, relative: Mapping[str, Boxes], sizes: dict[str, Size], study_seed: int
) -> Iterator[tuple[str, Boxes]]:
    for name, boxes in relative.items():
        if name in sizes:
            order = generator(study_seed, "proposals.gt", name).permutation(len(boxes))[: source.max_boxes]
            yield name, to_pixels(boxes[order], sizes[name])


ORIGIN = {
    "gt": "annotated boxes: not label-free",
    "grid": "a fixed grid: without information on the image",
    "random": "random places with the box sizes of another source",
    "centre": "one centred box: without information on the image",
    "bing": "BING, which is trained with annotated boxes of VOC2007",
    "selective_search": "selective search: no training, similarity of colour, texture, size and fit",
}
EDGES_ORIGIN = {
    "structured_forest": "EdgeBoxes on structured edges, which are trained with human contours (BSDS500)",
    "gradient": "EdgeBoxes on the image's gradient instead of structured edges: no training",
}


def origin(source: ProposalSource) -> str:
    """In words, what the boxes of a source are made from, where its kind and settings say."""
    return EDGES_ORIGIN[source.edges] if isinstance(source, EdgeBoxesProposals) else ORIGIN[source.kind]


def parse_source(value: dict[str, Any]) -> ProposalSource:
    """Settings of a source from JSON.

    Raises:
        ValueError: listing what is wrong with them (pydantic's ValidationError).
    """
    adapter: TypeAdapter[ProposalSource] = TypeAdapter(ProposalSource)
    return adapter.validate_python(value)
