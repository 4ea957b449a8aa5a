"""What the objects of a data set are like, in numbers: how many, how large, where; for 14.6 million boxes in seconds.

Boxes are taken as columns of numbers and codes, so that ids are held once and not a box.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS
from objectcrop.codes import Codes, distinct_pairs, text_codes
from objectcrop.study.settings.datasets import Split
from objectcrop.tables import ANNOTATIONS, CLASS_STATISTICS, IMAGE_LABEL, read_table

AREA_DECADES = 6
BINS_PER_DECADE = 10
AREA_EDGES = np.logspace(-AREA_DECADES, 0, AREA_DECADES * BINS_PER_DECADE + 1)
"""Edges of the bins of area share, 1e-6 to 1; smaller boxes, also those without area, fall into the first."""
GRID = 32
"""Cells of the map of centres, along each side of the image."""


@dataclass(frozen=True)
class CodedBoxes:
    """Boxes of one split as columns.

    Attributes:
        image: code of the image of each box, shape (n,).
        class_: code of its class, shape (n,): the place in `class_ids`.
        corners: relative x1, y1, x2, y2, float32, shape (n, 4).
        is_box: false for a label of the whole image, shape (n,).
        class_ids: sorted; some may have no box of the split.
    """

    image: Codes
    class_: Codes
    corners: NDArray[np.float32]
    is_box: NDArray[np.bool_]
    class_ids: tuple[str, ...]


@dataclass(frozen=True)
class BoxStatistics:
    """What `measure_boxes` finds.

    Attributes:
        histograms: counts and the bins they belong to; plain values, as they stand in statistics.json.
        classes: class_id and the columns of CLASS_STATISTICS but for the name; the classes that have boxes.
    """

    histograms: dict[str, Any]
    classes: pd.DataFrame


def read_coded_boxes(path: Path, split: Split) -> CodedBoxes:
    """Return the boxes of one split of a file of ANNOTATIONS.

    Raises:
        ValueError: naming the file, if it is no Parquet file of ANNOTATIONS, or the split has no row.
    """
    table = read_table(path, ANNOTATIONS, categories=True)
    rows = (table["split"] == split).to_numpy()
    if not rows.any():
        raise ValueError(f"{path}: has no {split} box to measure")
    image, _ = text_codes(table["image_id"])
    class_, class_ids = text_codes(table["class_id"])
    corners = np.stack([table[name].to_numpy()[rows] for name in CORNERS], axis=1)
    is_box = (table["source"] != IMAGE_LABEL).to_numpy()[rows]
    return CodedBoxes(image[rows], class_[rows], corners, is_box, tuple(class_ids))


def measure_boxes(boxes: CodedBoxes) -> BoxStatistics:
    """Count boxes by class, image, area and place, and images by class.

    Every row counts as showing its class; only boxes count as objects.
    """
    is_box = boxes.is_box
    image, class_ = boxes.image[is_box], boxes.class_[is_box]
    x1, y1, x2, y2 = boxes.corners[is_box].T
    area = np.clip((x2 - x1) * (y2 - y1), 0, 1)
    per_image = np.bincount(image)
    images_by_num_objects = np.bincount(per_image[per_image > 0])
    histograms = {
        "num_images": len(np.unique(boxes.image)),
        "num_boxes": len(area),
        "images_per_class": sorted(_images_per_class(boxes.image, boxes.class_).tolist(), reverse=True),
        "objects_per_image": {
            "objects": np.flatnonzero(images_by_num_objects).tolist(),
            "images": images_by_num_objects[images_by_num_objects > 0].tolist(),
        },
        "area_share": {"edges": AREA_EDGES.tolist(), "boxes": _area_counts(area).tolist()},
        "centres": {"grid": GRID, "boxes": _centre_counts((x1 + x2) / 2, (y1 + y2) / 2).tolist()},
        "median_area_share": float(np.median(area)) if len(area) else None,
    }
    return BoxStatistics(histograms, _class_table(image, class_, area, boxes.class_ids))


def _images_per_class(image: Codes, class_: Codes) -> NDArray[np.int64]:
    """Return the number of distinct images of each class that has some, by class."""
    _, class_of_pair = distinct_pairs(image, class_, int(class_.max(initial=0)) + 1)
    counts = np.bincount(class_of_pair)
    return counts[counts > 0]


def _area_counts(area: NDArray[np.float32]) -> NDArray[np.int64]:
    inner = np.log10(np.maximum(area, AREA_EDGES[0])) + AREA_DECADES
    # an area just below an edge may be rounded onto it: bins of a tenth of a decade need no more
    places = np.minimum((inner * BINS_PER_DECADE).astype(np.int64), len(AREA_EDGES) - 2)
    return np.bincount(places, minlength=len(AREA_EDGES) - 1)


def _centre_counts(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return boxes by cell of their centre, shape (GRID, GRID): rows from the top, columns from the left."""
    columns, rows = (np.minimum((side * GRID).astype(np.int64), GRID - 1) for side in (x, y))
    return np.bincount(rows * GRID + columns, minlength=GRID * GRID).reshape(GRID, GRID)


def _class_table(image: Codes, class_: Codes, area: NDArray[np.float32], class_ids: tuple[str, ...]) -> pd.DataFrame:
    counts = np.bincount(class_, minlength=len(class_ids))
    present = np.flatnonzero(counts)
    sums = np.bincount(class_, weights=area, minlength=len(class_ids))
    columns = {
        "class_id": [class_ids[code] for code in present],
        "num_images": _images_per_class(image, class_),
        "num_boxes": counts[present],
        "mean_area_share": sums[present] / counts[present],
        "median_area_share": np.fromiter(_medians(class_, area, counts[present]), np.float64, len(present)),
    }
    return pd.DataFrame(columns)


def _medians(class_: Codes, area: NDArray[np.float32], counts: NDArray[np.int64]) -> Iterator[float]:
    """Yield the median area of each class that has boxes, by class."""
    small = class_.astype(np.int16) if not len(class_) or class_.max() < 2**15 else class_  # sorted in linear time
    by_class = area[np.argsort(small, kind="stable")]
    for end, count in zip(np.cumsum(counts), counts, strict=True):
        yield float(np.median(by_class[end - count : end]))


def with_names(statistics: BoxStatistics, classes: pd.DataFrame) -> pd.DataFrame:
    """Return the CLASS_STATISTICS table, named by CLASSES."""
    named = statistics.classes.merge(classes[["class_id", "name"]], on="class_id", how="left", validate="one_to_one")
    return named[list(CLASS_STATISTICS.columns)]
