"""Data sets with one named object an image, boxed in pixels: what their readers share.

Their files do not hold the images' sizes, so that the images' headers are read to make the boxes relative.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS
from objectcrop.data.images import read_size
from objectcrop.data.relative_boxes import TOLERANCE, checked_corners
from objectcrop.runtime.progress import Progress

OBJECTS = ["image_id", "path", "split", "class_id", *CORNERS, "place"]
"""A row an image: corners in pixels from 0, half-open; `place` is where the box stands in the data set's files."""


def list_objects(objects: pd.DataFrame) -> pd.DataFrame:
    """Return the images (image_id, path, split) of an OBJECTS table, sorted by split and id."""
    return objects[["image_id", "path", "split"]].sort_values(["split", "image_id"], ignore_index=True)


def relative_objects(objects: pd.DataFrame, root: Path, *, source: str) -> pd.DataFrame:
    """Return ANNOTATIONS of an OBJECTS table; an overflow of at most a pixel is clipped.

    Boxes of images that cannot be opened have no size to be relative to: they are left out and counted on the terminal;
    indexing lists the images.

    Raises:
        ValueError: naming the place of the first box that is not in its image.
    """
    sizes = read_sizes(objects["path"].tolist(), root, label=f"sizes of {source}")
    opened = np.isfinite(sizes).all(axis=1)
    if not opened.all():
        first = objects["path"].iloc[int(opened.argmin())]
        print(f"{int((~opened).sum())} image(s) cannot be opened, first {first}: their boxes are left out", flush=True)
    kept, sizes = objects[opened], sizes[opened]
    corners = kept[CORNERS].to_numpy(dtype=np.float64) / np.tile(sizes, 2)
    slack = np.tile(np.maximum(TOLERANCE, 1 / sizes), 2)
    checked = checked_corners(corners, where=lambda row: str(kept["place"].iloc[row]), tolerance=slack)
    flags = dict.fromkeys(["is_group_of", "is_crowd", "is_depiction"], False)
    frame = kept[["image_id", "class_id", "split"]].reset_index(drop=True).assign(**flags, source=source)
    frame[CORNERS] = checked
    return frame


def read_sizes(paths: list[str], root: Path, *, label: str) -> NDArray[np.float64]:
    """Return the width and height of each image by its header, after EXIF orientation, shape (n, 2); NaN where unreadable."""
    sizes = np.full((len(paths), 2), np.nan)
    with Progress(label, total=len(paths), unit="images") as progress:
        for row, path in enumerate(paths):
            with suppress(ValueError, OSError):  # indexing opens the image too and lists it with the reason
                sizes[row] = read_size(root / path)
            progress.advance()
    return sizes
