"""The two splits of a linear task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from objectcrop.evaluate.linear.coverage import NONE_UNTRAINED, Untrained, untrained_classes
from objectcrop.evaluate.linear.images import LabelledImages, labelled_images, training_classes
from objectcrop.evaluate.linear.objects import labelled_objects, object_annotations
from objectcrop.study.settings.tasks import Samples


@dataclass(frozen=True)
class Data:
    """What a layer is trained and tested on.

    Attributes:
        train: images of the training split, or objects in them.
        test: those of the test split.
        classes: the label columns of both.
        untrained: classes that only test images show.
    """

    train: LabelledImages
    test: LabelledImages
    classes: tuple[str, ...]
    untrained: Untrained = NONE_UNTRAINED

    @classmethod
    def of(cls, manifest: pd.DataFrame, annotations: pd.DataFrame, data_root: Path, samples: Samples = "image") -> Self:
        """Return the data of a MANIFEST and its ANNOTATIONS: its images, or the objects in them.

        Raises:
            ValueError: if no training image has an annotation, or a split has no image, or no object.
        """
        if samples == "object":
            annotations = object_annotations(annotations)
        labelled = labelled_objects if samples == "object" else labelled_images
        classes = training_classes(manifest, annotations)
        train = labelled(manifest, annotations, data_root, "train", classes)
        test = labelled(manifest, annotations, data_root, "test", classes)
        return cls(train, test, tuple(classes), untrained_classes(manifest, annotations, classes))
