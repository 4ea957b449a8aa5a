"""The scores of a linear evaluation as a file, so that metrics can be computed again without the backbone."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from objectcrop.evaluate.linear.measure import Measured, ScoredImages, measure
from objectcrop.runtime.atomic import replacing

ARRAYS = ("image_ids", "class_ids", "scores", "scale", "packed_labels", "sizes", "is_single")
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


def write_scores(path: Path, test: ScoredImages) -> None:
    """Write scores atomically as an npz: scores as float16 over `scale`, labels as bits along the classes, sizes of the shown.

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
            sizes=test.shown[test.labels],
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
            image_ids, class_ids, scores, scale, packed, sizes, is_single = (archive[name] for name in ARRAYS)
        labels = np.unpackbits(packed, axis=1, count=len(class_ids)).astype(bool)
        if not scores.shape == labels.shape == (len(image_ids), len(class_ids)):
            raise ValueError(f"scores {scores.shape}, {len(image_ids)} images, {len(class_ids)} classes")
        shown = labels.astype(np.uint8)
        shown[labels] = sizes
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(
            f"{path}: not the scores of a linear evaluation, or damaged ({str(error)[:200]}); remove it and run snakemake "
            "again: rule evaluate_linear makes it"
        ) from error
    full = scores.astype(np.float32) * np.float32(scale)
    return ScoredImages(tuple(image_ids.tolist()), tuple(class_ids.tolist()), full, shown, bool(is_single))


def recompute_metrics(path: Path) -> Measured:
    """Return what was measured, from a file of scores.

    It is that of the result up to ties: scores of a class that differ by less than 2^-11 of themselves count as equal.

    Raises:
        ValueError: naming the file, if it is no such file, or damaged.
    """
    return measure(read_scores(path))
