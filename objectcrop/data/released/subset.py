"""The subset that the authors' released dictionaries list, as the tables of a subset (decision 0007)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from objectcrop.boxes import CORNERS
from objectcrop.data.relative_boxes import count_train_images
from objectcrop.data.released.dicts import Released
from objectcrop.tables import ANNOTATIONS, IMAGE_LABEL

_PAIR = ["image_id", "class_id"]


@dataclass(frozen=True)
class ReleasedSubset:
    """A released subset.

    Attributes:
        images: IMAGES, by split and id; boxes that stand for labels are not counted.
        classes: CLASSES of the training images, by id (the release orders them by first appearance).
        boxes: ANNOTATIONS; a label without a box is the whole image, group-of, of source IMAGE_LABEL.
        summary: counts a split, and what was left out.
    """

    images: pd.DataFrame
    classes: pd.DataFrame
    boxes: pd.DataFrame
    summary: dict[str, Any]


def released_subset(
    train: Released, boxes: Released | None, test: Released | None, names: dict[str, str]
) -> ReleasedSubset:
    """Join the lists.

    Args:
        train: training images and their classes.
        boxes: boxes of these and other images; None takes those of `train`, if it has some.
        test: test images and their classes; classes that no training image has are left out, as in the release.
        names: display names by class id.

    Raises:
        ValueError: if an image is in both splits, or a class has no name.
    """
    both = set(train.labels["image_id"]) & set(test.labels["image_id"]) if test is not None else set()
    if both:
        raise ValueError(f"{len(both)} image(s) are in the training and in the test list, first {min(both)!r}")
    candidates = train.boxes if boxes is None else boxes.boxes
    of_images = candidates["image_id"].isin(train.labels["image_id"])
    listed = candidates.merge(train.labels, on=_PAIR)
    without = _without_boxes(train.labels, listed)
    parts = [listed.assign(split="train"), _as_boxes(without).assign(split="train")]
    left_out = {
        "boxes_of_other_images": int((~of_images).sum()),
        "boxes_of_unlisted_classes": int(of_images.sum()) - len(listed),
        "labels_without_box": len(without),
    }
    if test is not None:
        has_train_class = test.labels["class_id"].isin(train.labels["class_id"])
        left_out["test_labels_of_other_classes"] = int((~has_train_class).sum())
        parts.append(_as_boxes(test.labels[has_train_class]).assign(split="test"))
    rows = pd.concat(parts, ignore_index=True)[list(ANNOTATIONS.columns)]
    summary = {
        "notes": left_out,
        "steps": [_step("listed by the authors", train.labels)],
        "splits": {str(split): _counts(part) for split, part in rows.groupby("split", sort=True)},
    }
    return ReleasedSubset(_images_of(rows), count_train_images(rows, names), rows, summary)


def _without_boxes(labels: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Return the (image, class) pairs that no box shows."""
    marked = labels.merge(boxes[_PAIR].drop_duplicates(), on=_PAIR, how="left", indicator=True)
    return marked.loc[marked["_merge"] == "left_only", _PAIR]


def _as_boxes(labels: pd.DataFrame) -> pd.DataFrame:
    """Return the labels of whole images: group-of, so that nothing takes them for objects."""
    corners = dict(zip(CORNERS, np.array([0, 0, 1, 1], dtype=np.float32), strict=True))
    return labels.assign(**corners, is_group_of=True, is_crowd=False, is_depiction=False, source=IMAGE_LABEL)


def _images_of(rows: pd.DataFrame) -> pd.DataFrame:
    marked = rows.assign(is_box=rows["source"] != IMAGE_LABEL)
    grouped = marked.groupby(["split", "image_id"], sort=True)
    return grouped.agg(num_boxes=("is_box", "sum"), num_classes=("class_id", "nunique")).reset_index()


def _step(rule: str, labels: pd.DataFrame) -> dict[str, Any]:
    return {
        "rule": rule,
        "num_images": int(labels["image_id"].nunique()),
        "num_classes": int(labels["class_id"].nunique()),
    }


def _counts(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the counts of a split; without any box their mean is unknown."""
    per_class = rows[_PAIR].drop_duplicates()["class_id"].value_counts()
    num_images, num_boxes = int(rows["image_id"].nunique()), int((rows["source"] != IMAGE_LABEL).sum())
    return {
        "num_images": num_images,
        "num_classes": len(per_class),
        "num_boxes": num_boxes,
        "boxes_per_image": num_boxes / num_images if num_boxes else None,
        "min_images_per_class": int(per_class.min()),
        "max_images_per_class": int(per_class.max()),
    }
