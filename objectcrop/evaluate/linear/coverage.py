"""Classes that only one of the two splits shows: counted, named, and said, as they are no part of the metrics."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_NAMED = 20


class Untrained(NamedTuple):
    """Classes of test images that no training image shows; the layer has no output for them.

    Attributes:
        classes: their ids, sorted.
        num_images: test images that show them and none that is trained.
    """

    classes: tuple[str, ...] = ()
    num_images: int = 0


NONE_UNTRAINED = Untrained()


def untrained_classes(manifest: pd.DataFrame, annotations: pd.DataFrame, classes: Sequence[str]) -> Untrained:
    """Return the classes that test images show and training images do not.

    Args:
        manifest: MANIFEST.
        annotations: ANNOTATIONS; boxes of any kind count as showing their class.
        classes: those that training images show.
    """
    test = set(manifest.loc[manifest["split"] == "test", "image_id"])
    rows = annotations[annotations["image_id"].isin(test)]
    is_trained = rows["class_id"].isin(set(classes))
    ids = rows["image_id"]
    return Untrained(
        tuple(sorted(map(str, rows.loc[~is_trained, "class_id"].unique()))),
        len(set(ids[~is_trained]) - set(ids[is_trained])),
    )


def describe_classes(classes: Sequence[str], test_labels: NDArray[np.bool_], untrained: Untrained) -> dict[str, Any]:
    """Return the counts of such classes, with the ids of the first ones, as JSON values.

    Args:
        classes: of the layer's outputs.
        test_labels: whether a test image shows a class, shape (images, classes).
        untrained: classes of the test images alone.
    """
    without = [classes[column] for column in np.flatnonzero(test_labels.sum(axis=0) == 0).tolist()]
    return {
        "num": len(classes),
        "num_without_test_images": len(without),
        "without_test_images": without[:MAX_NAMED],
        "num_without_training_images": len(untrained.classes),
        "without_training_images": list(untrained.classes[:MAX_NAMED]),
        "num_test_images_of_these_alone": untrained.num_images,
    }


def warnings_of(description: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each kind of such classes that there is, from what `describe_classes` returned."""
    sentences = []
    if number := description["num_without_test_images"]:
        names = _listed(description["without_test_images"], number)
        sentences.append(
            f"linear: {number} of {description['num']} trained class(es) have no test image and are in no mean: {names}"
        )
    if number := description["num_without_training_images"]:
        names = _listed(description["without_training_images"], number)
        alone = description["num_test_images_of_these_alone"]
        sentences.append(
            f"linear: {number} class(es) of test images have no training image and are not measured: {names}; {alone} test "
            "image(s) show only such classes and are negatives of all others"
        )
    return sentences


def _listed(names: Sequence[str], number: int) -> str:
    return ", ".join(names) + (f" and {number - len(names)} more" if number > len(names) else "")
