"""The images and labels that a linear layer is trained and tested on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import Size
from objectcrop.study.settings.datasets import Split


@dataclass(frozen=True)
class LabelledImages:
    """Images of one split, sorted by id.

    Attributes:
        ids: image ids.
        paths: files.
        sizes: sizes after EXIF orientation, pixels.
        labels: whether an image shows a class, shape (n, classes).
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    sizes: tuple[Size, ...]
    labels: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64]) -> "LabelledImages":
        """Return the images of some rows, in that order."""
        return LabelledImages(
            ids=tuple(self.ids[row] for row in rows),
            paths=tuple(self.paths[row] for row in rows),
            sizes=tuple(self.sizes[row] for row in rows),
            labels=self.labels[rows],
        )

    @property
    def classes_of_single(self) -> NDArray[np.int64]:
        """The one class of each image, shape (n,).

        Raises:
            ValueError: if an image has none or several.
        """
        self.require_single()
        return np.asarray(self.labels.argmax(axis=1), dtype=np.int64)

    def require_single(self) -> None:
        """Check that each image shows one class.

        Raises:
            ValueError: naming the first image that shows none or several.
        """
        counts = self.labels.sum(axis=1)
        if (counts != 1).any():
            first = int(np.flatnonzero(counts != 1)[0])
            raise ValueError(
                f"labels: single, but {int((counts != 1).sum())} image(s) do not show exactly one class that training images "
                f"show, first {self.ids[first]!r} with {int(counts[first])}; use labels: multi"
            )


def training_classes(manifest: pd.DataFrame, annotations: pd.DataFrame) -> list[str]:
    """Sorted ids of the classes that some training image shows: the outputs of the layer.

    Raises:
        ValueError: if there is none.
    """
    train = manifest.loc[manifest["split"] == "train", "image_id"]
    classes = sorted(annotations.loc[annotations["image_id"].isin(set(train)), "class_id"].unique())
    if not classes:
        raise ValueError("no training image has an annotation: a linear task needs a data set with labels")
    return classes


def labelled_images(
    manifest: pd.DataFrame, annotations: pd.DataFrame, data_root: Path, split: Split, classes: list[str]
) -> LabelledImages:
    """Return the images of a split with the set of classes of their boxes; other classes are left out.

    Args:
        manifest: MANIFEST.
        annotations: ANNOTATIONS; boxes of any kind count as showing their class.
        data_root: what the manifest's paths start from.
        split: which images.
        classes: order of the label columns.

    Raises:
        ValueError: if the split has no image.
    """
    rows = manifest[manifest["split"] == split].sort_values("image_id")
    if rows.empty:
        raise ValueError(f"the data set has no {split} image; a linear task needs the splits train and test")
    row_of = {image_id: row for row, image_id in enumerate(rows["image_id"])}
    column_of = {class_id: column for column, class_id in enumerate(classes)}
    kept = annotations[annotations["image_id"].isin(row_of) & annotations["class_id"].isin(column_of)]
    labels = np.zeros((len(rows), len(classes)), dtype=bool)
    labels[kept["image_id"].map(row_of).to_numpy(dtype=int), kept["class_id"].map(column_of).to_numpy(dtype=int)] = True
    return LabelledImages(
        ids=tuple(rows["image_id"]),
        paths=tuple(data_root / path for path in rows["path"]),
        sizes=tuple(map(Size, rows["width_px"].tolist(), rows["height_px"].tolist())),
        labels=labels,
    )
