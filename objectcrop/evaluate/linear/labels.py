"""Which classes images show, and how large their largest object of each is: one byte a pair, stored sparsely."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from objectcrop.tables import IMAGE_LABEL

SIZES = ("small", "medium", "large")
"""COCO's: below 32 x 32 pixels, below 96 x 96, and above; 1, 2, 3 of `Shown`."""
BOUNDS_PX2 = (32**2, 96**2)
UNSIZED = 4
"""Of `Shown`: an image shows the class, but none of its boxes is that of one object."""

Shown = NDArray[np.uint8]
"""Shape (images, classes): 0 where an image does not show a class, else the size of its largest object of it."""


def shown_classes(images: pd.DataFrame, annotations: pd.DataFrame, classes: list[str]) -> csr_array:
    """Return `Shown` of images as a sparse matrix; boxes of other images and classes are left out.

    Boxes of any kind count as showing their class. The largest object is that of most pixels of the image, as it is stored, among
    the boxes of one object: neither those of groups and crowds, nor labels of a whole image, nor boxes outside the image.

    Args:
        images: rows of a MANIFEST, in the order of the result.
        annotations: ANNOTATIONS.
        classes: order of the columns.
    """
    row_of = {image_id: row for row, image_id in enumerate(images["image_id"])}
    column_of = {class_id: column for column, class_id in enumerate(classes)}
    kept = annotations[annotations["image_id"].isin(row_of) & annotations["class_id"].isin(column_of)]
    rows = kept["image_id"].map(row_of).to_numpy(dtype=np.int64)
    columns = kept["class_id"].map(column_of).to_numpy(dtype=np.int64)
    num_px = (images["width_px"].to_numpy(dtype=np.float64) * images["height_px"].to_numpy())[rows]
    pairs, place = np.unique(rows * len(classes) + columns, return_inverse=True)
    largest_px2 = np.zeros(len(pairs))
    np.maximum.at(largest_px2, place, num_px * _object_shares(kept))
    codes = np.where(largest_px2 > 0, 1 + np.searchsorted(BOUNDS_PX2, largest_px2, side="right"), UNSIZED)
    shape = len(images), len(classes)
    return csr_array((codes.astype(np.uint8), np.divmod(pairs, max(len(classes), 1))), shape=shape)


def are_objects(annotations: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of ANNOTATIONS are the box of one object, at least partly inside its image, shape (rows,)."""
    return _object_shares(annotations) > 0


def _object_shares(annotations: pd.DataFrame) -> NDArray[np.float64]:
    """Return the share of the image that each box of one object covers; 0 for other boxes."""
    x1, y1, x2, y2 = (annotations[name].to_numpy(dtype=np.float64).clip(0, 1) for name in ("x1", "y1", "x2", "y2"))
    is_object = ~(annotations["is_group_of"] | annotations["is_crowd"] | (annotations["source"] == IMAGE_LABEL))
    return np.where(is_object.to_numpy(dtype=bool), (x2 - x1) * (y2 - y1), 0.0)
