"""Folders of pictures: without labels, or a folder a class (ImageNet's layout)."""

from pathlib import Path

import pandas as pd

from objectcrop.study.datasets import FolderDataset, ImageFoldersDataset

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2"})
"""File names that are taken for pictures, in lower case; other files in the folder are passed over."""


def list_folder(dataset: FolderDataset, root: Path) -> pd.DataFrame:
    """The pictures (image_id, path, split) under a folder, at any depth; the id is the path in it, all are training images.

    Raises:
        ValueError: if there are none.
    """
    names = _pictures_under(root / dataset.images)
    paths = [f"{dataset.images}/{name}" for name in names]
    return pd.DataFrame({"image_id": names, "path": paths, "split": "train"})


def list_image_folders(dataset: ImageFoldersDataset, root: Path) -> pd.DataFrame:
    """The pictures (image_id, path, split) of class folders; the id is `<split>/<class>/<file>`.

    Raises:
        ValueError: if a split has none, or a picture lies in no class folder.
    """
    parts = []
    for split, folder in dataset.images.items():
        names = _pictures_under(root / folder)
        loose = [name for name in names if "/" not in name]
        if loose:
            raise ValueError(f"{root / folder}: {len(loose)} picture(s) lie in no class folder, first {loose[0]!r}")
        ids = [f"{split}/{name}" for name in names]
        paths = [f"{folder}/{name}" for name in names]
        parts.append(pd.DataFrame({"image_id": ids, "path": paths, "split": split}))
    return pd.concat(parts, ignore_index=True)


def label_image_folders(listing: pd.DataFrame) -> pd.DataFrame:
    """ANNOTATIONS of class folders: one box of the whole picture; the class is the first folder's name."""
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


def _pictures_under(folder: Path) -> list[str]:
    """Sorted paths in the folder, with forward slashes; hidden files and folders are passed over."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    names = sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
    if not names:
        raise ValueError(f"{folder}: there is no picture in it; pictures end in {', '.join(sorted(SUFFIXES))}")
    return names
