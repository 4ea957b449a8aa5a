"""The scores of a linear evaluation as a file, so that metrics can be computed again without the backbone."""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.evaluate.linear.measure import measure
from objectcrop.runtime.atomic import replacing

ARRAYS = ("image_ids", "class_ids", "scores", "scale", "packed_labels", "is_single")
DAMAGE = (
    KeyError,
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    OverflowError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What NumPy and zipfile raise at a file whose bytes changed: its directory, its headers or its arrays."""


class ScoredImages(NamedTuple):
    """What a layer said of the test images.

    Attributes:
        image_ids: of the images, in the order of the rows.
        class_ids: of the classes, in the order of the columns.
        scores: logits, shape (images, classes), float32.
        labels: whether an image shows a class, shape (images, classes).
        is_single: whether each image shows one class.
    """

    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    scores: NDArray[np.float32]
    labels: NDArray[np.bool_]
    is_single: bool


def write_scores(path: Path, test: ScoredImages) -> None:
    """Write scores atomically as an npz: scores as float16 over `scale`, labels as bits along the classes.

    A score is off by at most 2^-11 of itself, or by 2^-25 of `scale` if that is more. `scale` is 1 unless a score is beyond
    float16's 65504; then it is the least power of two that brings all within.
    """
    largest = float(np.abs(test.scores).max(initial=0)) / float(np.finfo(np.float16).max)
    scale = np.float32(2.0 ** max(0, int(np.ceil(np.log2(largest))))) if largest > 0 else np.float32(1)
    with replacing(path) as aside:
        np.savez(
            aside,
            allow_pickle=False,
            image_ids=np.array(test.image_ids, dtype=np.str_),
            class_ids=np.array(test.class_ids, dtype=np.str_),
            scores=(test.scores / scale).astype(np.float16),
            scale=scale,
            packed_labels=np.packbits(test.labels, axis=1),
            is_single=np.array(test.is_single),
        )


def read_scores(path: Path) -> ScoredImages:
    """Read what `write_scores` wrote.

    Raises:
        ValueError: naming the file, if it is no such file, or damaged.
    """
    try:
        # opened here: np.load leaves a damaged file open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            image_ids, class_ids, scores, scale, packed, is_single = (archive[name] for name in ARRAYS)
        labels = np.unpackbits(packed, axis=1, count=len(class_ids)).astype(bool)
        if not scores.shape == labels.shape == (len(image_ids), len(class_ids)):
            raise ValueError(f"scores {scores.shape}, {len(image_ids)} images, {len(class_ids)} classes")
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(
            f"{path}: not the scores of a linear evaluation, or damaged ({error}); remove it and run snakemake again: rule "
            "evaluate_linear makes it"
        ) from error
    full = scores.astype(np.float32) * np.float32(scale)
    return ScoredImages(tuple(image_ids.tolist()), tuple(class_ids.tolist()), full, labels, bool(is_single))


def recompute_metrics(path: Path) -> tuple[dict[str, float], dict[str, float | None]]:
    """Return the metrics and the average precision of each class, percent, from a file of scores.

    They are those of the result up to ties: scores of a class that differ by less than 2^-11 of themselves count as equal.

    Raises:
        ValueError: naming the file, if it is no such file, or damaged.
    """
    test = read_scores(path)
    return measure(test.scores, test.labels, test.class_ids, is_single=test.is_single)
