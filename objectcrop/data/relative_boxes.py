"""The border where boxes of any file become ours: relative, inside the picture, the right way round."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

CORNERS = ["x1", "y1", "x2", "y2"]
TOLERANCE = 1e-3
"""Overflow over the picture's border, as a share of its side, that is cut off as rounding and not refused."""


def checked_corners(
    corners: ArrayLike, *, where: Callable[[int], str], tolerance: float | NDArray[np.float64] = TOLERANCE
) -> NDArray[np.float32]:
    """Relative boxes (x1, y1, x2, y2), shape (n, 4), clipped to 0..1; a box without area is kept.

    Args:
        corners: shape (n, 4), shares of the picture's width and height.
        where: names the place in the file of a row, for messages.
        tolerance: largest overflow that is clipped; a number, or anything that broadcasts to the corners.

    Raises:
        ValueError: naming the first bad row, if a value is missing or not finite, lies outside the picture by more than the
            tolerance, or a box is turned inside out.
    """
    relative = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    outside = (relative < -np.asarray(tolerance)) | (relative > 1 + np.asarray(tolerance))
    problems = {
        "has a corner that is no number": ~np.isfinite(relative).all(axis=1),
        "lies outside the picture (corners must be in 0..1)": outside.any(axis=1),
        "is turned inside out (x1 > x2 or y1 > y2)": (relative[:, :2] > relative[:, 2:]).any(axis=1),
    }
    for problem, bad in problems.items():
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            values = ", ".join(f"{name} {value:.6g}" for name, value in zip(CORNERS, relative[first], strict=True))
            raise ValueError(
                f"{where(first)}: the box {problem}: {values}; {int(bad.sum())} such row(s); correct the file"
            )
    return np.clip(relative, 0, 1).astype(np.float32)


def count_train_images(boxes: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The CLASSES table of the classes that have boxes: sorted by id, with the number of training images that show each.

    Raises:
        ValueError: if a class has no name in `names`.
    """
    present = sorted(boxes["class_id"].unique())
    unknown = [class_id for class_id in present if class_id not in names]
    if unknown:
        raise ValueError(
            f"{len(unknown)} class(es) have boxes but no description, first {unknown[0]!r}; "
            "give the class descriptions that belong to these boxes"
        )
    train = boxes.loc[boxes["split"] == "train", ["image_id", "class_id"]].drop_duplicates()
    counts = train["class_id"].value_counts()
    return pd.DataFrame(
        {
            "class_id": present,
            "name": [names[class_id] for class_id in present],
            "num_train_images": counts.reindex(present, fill_value=0).to_numpy(),
        }
    )
