"""The border where boxes of any file become ours: relative, inside the image, the right way round."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from objectcrop.boxes import CORNERS
from objectcrop.codes import distinct_pairs, text_codes

Column = NDArray[np.float64]
TOLERANCE = 1e-3
"""Overflow over the image's border, as a share of its side, that is cut off as rounding and not rejected."""


def half_open(inclusive: Sequence[float]) -> tuple[float, float, float, float]:
    """Return corners that are counted from 1 and include the last pixel, as corners from 0 that do not."""
    x1, y1, x2, y2 = inclusive
    return (x1 - 1, y1 - 1, x2, y2)


def checked_corners(
    corners: ArrayLike, *, where: Callable[[int], str], tolerance: float | NDArray[np.float64] = TOLERANCE
) -> NDArray[np.float32]:
    """Return relative boxes (x1, y1, x2, y2), shape (n, 4), clipped to 0..1; a box without area is kept.

    Args:
        corners: shape (n, 4), shares of the image's width and height.
        where: names the place in the file of a row, for messages.
        tolerance: largest overflow that is clipped; a number, or anything that broadcasts to the corners.

    Raises:
        ValueError: naming the first bad row, if a value is missing or not finite, is outside the image by more than the
            tolerance, or a box is inverted.
    """
    relative = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    outside = (relative < -np.asarray(tolerance)) | (relative > 1 + np.asarray(tolerance))
    problems = {
        "has a corner that is no number": ~np.isfinite(relative).all(axis=1),
        "is outside the image (corners must be in 0..1)": outside.any(axis=1),
        "is inverted (x1 > x2 or y1 > y2)": (relative[:, :2] > relative[:, 2:]).any(axis=1),
    }
    for problem, bad in problems.items():
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            values = ", ".join(f"{name} {value:.6g}" for name, value in zip(CORNERS, relative[first], strict=True))
            raise ValueError(
                f"{where(first)}: the box {problem}: {values}; {int(bad.sum())} such row(s); correct the file"
            )
    return np.clip(relative, 0, 1).astype(np.float32)


def lie_inside(x1: Column, y1: Column, x2: Column, y2: Column) -> bool:
    """Return whether `checked_corners` would take all of these boxes: the same test by columns, in a fraction of its time."""
    for low, high in ((x1, x2), (y1, y2)):
        # A comparison with NaN is false; with low <= high these two limits are all four.
        if not ((low <= high).all() and low.min(initial=0) >= -TOLERANCE and high.max(initial=1) <= 1 + TOLERANCE):
            return False
    return True


def require_names(boxes: pd.DataFrame, names: Mapping[str, str]) -> None:
    """Check that every class that has boxes has a name.

    Raises:
        ValueError: naming the first that has none.
    """
    class_codes, class_ids = text_codes(boxes["class_id"])
    present = np.bincount(class_codes, minlength=len(class_ids)) > 0
    unknown = [class_id for class_id in class_ids[present] if class_id not in names]
    if unknown:
        raise ValueError(
            f"{len(unknown)} class(es) have boxes but no description, first {unknown[0]!r}; "
            "give the class descriptions that belong to these boxes"
        )


def count_train_images(boxes: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the CLASSES table of the classes that have boxes: sorted by id, with the number of training images that show each.

    Raises:
        ValueError: if a class has no name in `names`.
    """
    require_names(boxes, names)
    class_codes, class_ids = text_codes(boxes["class_id"])
    present = np.bincount(class_codes, minlength=len(class_ids)) > 0
    train = (boxes["split"] == "train").to_numpy()
    image_codes, _ = text_codes(boxes["image_id"])
    if not train.all():
        image_codes, class_codes = image_codes[train], class_codes[train]
    _, class_of_pair = distinct_pairs(image_codes, class_codes, len(class_ids))
    return pd.DataFrame(
        {
            "class_id": class_ids[present],
            "name": [names[class_id] for class_id in class_ids[present]],
            "num_train_images": np.bincount(class_of_pair, minlength=len(class_ids))[present],
        }
    )
