"""Which samples make up an epoch: images, or boxes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, Size
from objectcrop.study.settings.runs import Run
from objectcrop.views.regions import usable_ranks

DRAWN = -1
"""In place of a rank: a proposal is drawn in each epoch."""


def list_sources(run: Run, boxes: Sequence[Boxes], sizes: Sequence[Size]) -> NDArray[np.int64]:
    """What each sample of an epoch shows, before their order is drawn.

    Args:
        run: its views say what gives a sample.
        boxes: proposals of each image by rank, pixels; not read where images give the samples.
        sizes: of each image.

    Returns:
        Row of the image, and rank of the proposal or `DRAWN`, shape (samples, 2).
    """
    if run.views.sample_unit == "image":
        return np.stack([np.arange(len(sizes)), np.full(len(sizes), DRAWN)], axis=1)
    most, pairs = run.views.max_proposals, zip(boxes, sizes, strict=True)
    ranks = [usable_ranks(found, size, most) or [DRAWN] for found, size in pairs]
    rows = np.repeat(np.arange(len(sizes)), [len(found) for found in ranks])
    return np.stack([rows, np.concatenate(ranks, dtype=np.int64)], axis=1)
