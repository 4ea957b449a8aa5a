"""The two splits of a linear task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from objectcrop.evaluate.linear.coverage import NONE_UNTRAINED, Untrained, untrained_classes
from objectcrop.evaluate.linear.images import LabelledImages, labelled_images, training_classes


@dataclass(frozen=True)
class Data:
    """What a layer is trained and tested on.

    Attributes:
        train: images of the training split.
        test: images of the test split.
        classes: the label columns of both.
        untrained: classes that only test images show.
    """

    train: LabelledImages
    test: LabelledImages
    classes: tuple[str, ...]
    untrained: Untrained = NONE_UNTRAINED

    @classmethod
    def of(cls, manifest: pd.DataFrame, annotations: pd.DataFrame, data_root: Path) -> Self:
        """Return the data of a MANIFEST and its ANNOTATIONS.

        Raises:
            ValueError: if no training image has an annotation, or a split has no image.
        """
        classes = training_classes(manifest, annotations)
        train = labelled_images(manifest, annotations, data_root, "train", classes)
        test = labelled_images(manifest, annotations, data_root, "test", classes)
        return cls(train, test, tuple(classes), untrained_classes(manifest, annotations, classes))
