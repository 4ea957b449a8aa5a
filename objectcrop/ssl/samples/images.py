"""The images of a training set: order, sizes, boxes, pixels, and which samples they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.data.decoders import AUTO, Decoder, Reduce
from objectcrop.data.images import decode_image
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan
from objectcrop.views.regions import usable_ranks
from objectcrop.views.render import ImageArray

Key = tuple[int, int]
"""(epoch, number of the sample): which image that is, `list_sources` says; of samples by image, its row."""

DRAWN = -1
"""In place of a rank: a proposal is drawn again in each epoch."""


class LoadedShare(NamedTuple):
    """Which samples a process loads for a step: its own, and those whose keys it encodes."""

    own: list[Key]
    shuffled: list[Key]


@dataclass(frozen=True)
class ImageList:
    """The images of a training set, in an order that depends on their ids alone."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    sizes: tuple[Size, ...]

    @classmethod
    def of(cls, manifest: pd.DataFrame, data_root: Path) -> "ImageList":
        """The training split of a MANIFEST."""
        rows = manifest[manifest["split"] == "train"].sort_values("image_id")
        return cls(
            ids=tuple(rows["image_id"]),
            paths=tuple(data_root / path for path in rows["path"]),
            sizes=tuple(map(Size, rows["width_px"].tolist(), rows["height_px"].tolist())),
        )

    def __len__(self) -> int:
        return len(self.ids)


def boxes_of_images(proposals: pd.DataFrame, images: ImageList) -> list[Boxes]:
    """Return the proposals of each image by rank, pixels; an empty array for an image without any."""
    ordered = proposals.sort_values(["image_id", "rank"])
    corners = ordered[["x1", "y1", "x2", "y2"]].to_numpy(dtype=np.float64)
    rows = {
        image_id: corners[positions] for image_id, positions in ordered.groupby("image_id", sort=False).indices.items()
    }
    return [as_boxes(rows.get(image_id, np.zeros((0, 4)))) for image_id in images.ids]


def object_scale_min(run: Run, proposals_summary: Mapping[str, Any] | None) -> float:
    """Least crop area over region area of object views: the setting, or the one of the proposals (the paper's s_min)."""
    if run.views.object_scale_min != "auto":
        return run.views.object_scale_min
    if proposals_summary is None:
        return run.views.scene_scale_min  # no object views
    return float(proposals_summary["object_scale_min"])


def stack_images(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Return images of one size as one tensor, shape (N, ...), uint8."""
    return torch.from_numpy(np.stack(images))


def list_sources(run: Run, boxes: Sequence[Boxes], sizes: Sequence[Size]) -> NDArray[np.int64]:
    """List the image and proposal of each sample of an epoch, before their order is drawn.

    Args:
        run: its views say what gives a sample.
        boxes: proposals of each image by rank, pixels; not used where images give the samples.
        sizes: of each image.

    Returns:
        Row of the image, and rank of the proposal or `DRAWN`, shape (samples, 2).
    """
    if run.views.sample_unit == "image":
        return np.stack([np.arange(len(sizes)), np.full(len(sizes), DRAWN)], axis=1)
    max_proposals, pairs = run.views.max_proposals, zip(boxes, sizes, strict=True)
    ranks = [usable_ranks(proposals, size, max_proposals) or [DRAWN] for proposals, size in pairs]
    rows = np.repeat(np.arange(len(sizes)), [len(image_ranks) for image_ranks in ranks])
    return np.stack([rows, np.concatenate(ranks, dtype=np.int64)], axis=1)


def read_for(
    path: Path, wanted: Sequence[tuple[ViewPlan, int]], settings: ViewSettings, decoder: Decoder = AUTO
) -> ImageArray:
    """Decode an image as large as its views need it: at 1/2 or 1/4 of its sides where every crop stays large enough.

    Args:
        path: of the image.
        wanted: views that will be rendered, each with its side in pixels.
        settings: how views are made.
        decoder: the one that `settings` mean, resolved.
    """
    side = settings.resize_first_px
    if side is not None:
        return read_square(path, side, decoder)
    finest = min(_shorter_side(plan) / size_px for plan, size_px in wanted)
    reduce: Reduce = 4 if finest >= 4 else 2 if finest >= 2 else 1
    return decode_image(path, reduce, decoder)


def read_square(path: Path, side: int, decoder: Decoder = AUTO) -> ImageArray:
    """Return the whole image, squeezed to a square."""
    whole = decode_image(path, decoder=decoder)
    method = cv2.INTER_AREA if min(whole.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (side, side), interpolation=method), dtype=np.uint8)


def _shorter_side(plan: ViewPlan) -> float:
    x1, y1, x2, y2 = plan.crop_box
    return min(x2 - x1, y2 - y1)
