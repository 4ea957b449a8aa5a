"""Folders of images: without labels, or a folder a class (ImageNet's layout)."""

import csv
from pathlib import Path, PurePosixPath

import pandas as pd

from objectcrop.data.readers.image_search import images_under
from objectcrop.study.settings.datasets import FolderDataset, ImageFoldersDataset


def list_folder(dataset: FolderDataset, root: Path) -> pd.DataFrame:
    """Return the images (image_id, path, split) under a folder, at any depth; the id is the path in it, all are training images.

    Raises:
        ValueError: if there are none.
    """
    names = images_under(root / dataset.images, within=None if dataset.allow_links_outside else root)
    paths = [f"{dataset.images}/{name}" for name in names]
    return pd.DataFrame({"image_id": names, "path": paths, "split": "train"})


def list_image_folders(dataset: ImageFoldersDataset, root: Path) -> pd.DataFrame:
    """Return the images (image_id, path, split) of class folders; the id is `<split>/<class>/<file>`.

    A split with flat_labels is in one folder, as ImageNet's validation images are; its ids are those that its images
    would have in class folders.

    Raises:
        ValueError: if a split has none, an image is in no class folder, or flat_labels lacks an image.
    """
    parts = []
    for split, folder in dataset.images.items():
        names = images_under(root / folder, within=None if dataset.allow_links_outside else root)
        if split in dataset.flat_labels:
            placed = _placed_by_label(names, root / folder, root / dataset.flat_labels[split])
        else:
            _require_class_folders(names, root / folder, split)
            placed = names
        ids = [f"{split}/{name}" for name in placed]
        paths = [f"{folder}/{name}" for name in names]
        parts.append(pd.DataFrame({"image_id": ids, "path": paths, "split": split}))
    return pd.concat(parts, ignore_index=True)


def label_image_folders(listing: pd.DataFrame) -> pd.DataFrame:
    """Return ANNOTATIONS of class folders: one box of the whole image; the class is the first folder's name."""
    return pd.DataFrame(
        {
            "image_id": listing["image_id"],
            "class_id": listing["image_id"].str.split("/").str[1],
            **{"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0},
            **dict.fromkeys(["is_group_of", "is_crowd", "is_depiction"], False),
            "source": "image_folders",
            "split": listing["split"],
        }
    )


def _require_class_folders(names: list[str], folder: Path, split: str) -> None:
    loose = [name for name in names if "/" not in name]
    if loose:
        raise ValueError(
            f"{folder}: {len(loose)} image(s) are in no class folder, first {loose[0]!r}; move them into a folder a class, or, "
            f"for ImageNet's flat validation folder, name its LOC_val_solution.csv as flat_labels.{split}"
        )


def _placed_by_label(names: list[str], folder: Path, labels: Path) -> list[str]:
    """Return `<class>/<file>` for each image of a flat folder."""
    classes = read_flat_labels(labels)
    placed = []
    for name in names:
        class_id = classes.get(PurePosixPath(name).stem)
        if class_id is None or "/" in name:
            raise ValueError(f"{folder / name}: {labels} has no label for this image, by its name without suffix")
        placed.append(f"{class_id}/{name}")
    print(f"{folder}: {len(names)} of the {len(classes)} images with labels are there", flush=True)
    return placed


def read_flat_labels(path: Path) -> dict[str, str]:
    """Return the class of each image from a CSV with ImageId and PredictionString, as ImageNet's LOC_val_solution.csv.

    PredictionString is `class x1 y1 x2 y2`, once for each object, or the class alone; the boxes are not read: the label
    belongs to the whole image, as in class folders.

    Raises:
        ValueError: naming file and line, if a column is missing, an image repeats, or has no class or two.
    """
    labels: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"ImageId", "PredictionString"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path}: expected the columns ImageId and PredictionString, got {rows.fieldnames}")
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            classes = set((row["PredictionString"] or "").split()[::5])
            if len(classes) != 1:
                raise ValueError(f"{place}: expected one class, got {row['PredictionString']!r}")
            if row["ImageId"] in labels:
                raise ValueError(f"{place}: image {row['ImageId']!r} occurs more than once")
            (labels[row["ImageId"]],) = classes
    return labels
