"""Annotated objects, each cropped out of its image: the samples of a task with `samples: object`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from objectcrop.boxes import Size, to_pixels
from objectcrop.data.flat import Paths, Sizes, Texts
from objectcrop.evaluate.linear.images import LabelledImages
from objectcrop.evaluate.linear.labels import are_objects, shown_classes
from objectcrop.study.settings.datasets import Split
from objectcrop.views.regions import to_whole_pixels


def object_annotations(annotations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ANNOTATIONS that are the box of one object inside its image."""
    return annotations[are_objects(annotations)]


def labelled_objects(
    manifest: pd.DataFrame, objects: pd.DataFrame, data_root: Path, split: Split, classes: list[str]
) -> LabelledImages:
    """Return the objects of a split as images of one class each; those of other classes are left out.

    Their ids are those of the image and the number of the object in it.

    Args:
        manifest: MANIFEST.
        objects: what `object_annotations` returned.
        data_root: what the manifest's paths start from.
        split: of the images.
        classes: order of the label columns.

    Raises:
        ValueError: if the split has no such object.
    """
    images = manifest[manifest["split"] == split][["image_id", "path", "width_px", "height_px"]]
    kept = objects[objects["class_id"].isin(classes)].drop(columns="split")
    rows = images.merge(kept, on="image_id").sort_values(["image_id", "class_id", "x1", "y1", "x2", "y2"])
    if rows.empty:
        raise ValueError(
            f"the data set has no box of one object in its {split} images; a task of samples: object needs some"
        )
    ids = rows["image_id"] + "#" + rows.groupby("image_id").cumcount().astype(str)
    sizes = Sizes(rows[["width_px", "height_px"]].to_numpy(dtype=np.int32))
    corners = rows[["x1", "y1", "x2", "y2"]].to_numpy(dtype=np.float64)
    boxes = np.empty_like(corners)
    by_size: dict[Any, Any] = rows.groupby(["width_px", "height_px"]).indices
    for (width, height), places in by_size.items():
        size = Size(width, height)
        boxes[places] = to_whole_pixels(to_pixels(corners[places], size), size)
    named = rows.assign(image_id=ids)
    return LabelledImages(
        ids=Texts(ids),
        paths=Paths(data_root, Texts(rows["path"])),
        sizes=sizes,
        shown=shown_classes(named, named, classes),
        boxes=boxes,
    )
