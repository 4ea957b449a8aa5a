"""The images and labels that a linear layer is trained and tested on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from objectcrop.boxes import Boxes
from objectcrop.data.flat import Paths, Sizes, Texts
from objectcrop.evaluate.linear.labels import shown_classes
from objectcrop.study.settings.datasets import Split


@dataclass(frozen=True)
class LabelledImages:
    """Images of one split, sorted by id.

    Attributes:
        ids: image ids.
        paths: files.
        sizes: sizes after EXIF orientation, pixels.
        shown: which classes they show and how large, shape (n, classes), sparse (see `Shown`).
        boxes: what is seen of each, whole pixels, shape (n, 4); None: the whole images.
    """

    ids: Texts
    paths: Paths
    sizes: Sizes
    shown: csr_array
    boxes: Boxes | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64]) -> "LabelledImages":
        """Return the images of some rows, in that order."""
        return LabelledImages(
            ids=self.ids.take(rows),
            paths=self.paths.take(rows),
            sizes=self.sizes.take(rows),
            shown=self.shown[rows],
            boxes=None if self.boxes is None else self.boxes[rows],
        )

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Whether an image shows a class, shape (n, classes); of 1.7 million images and 600 classes that is a gigabyte."""
        return self.labels_of(np.arange(len(self)))

    def labels_of(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the images of some rows show a class, shape (rows, classes)."""
        return np.asarray(self.shown[rows].toarray() > 0)

    @property
    def classes_of_single(self) -> NDArray[np.int64]:
        """The one class of each image, shape (n,).

        Raises:
            ValueError: if an image has none or several.
        """
        self.require_single()
        return np.asarray(self.shown.indices, dtype=np.int64)

    def require_single(self) -> None:
        """Check that each image shows one class.

        Raises:
            ValueError: naming the first image that shows none or several.
        """
        counts = np.diff(self.shown.indptr)
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
    return LabelledImages(
        ids=Texts(rows["image_id"]),
        paths=Paths(data_root, Texts(rows["path"])),
        sizes=Sizes(rows[["width_px", "height_px"]].to_numpy(dtype=np.int32)),
        shown=shown_classes(rows, annotations, classes),
    )
