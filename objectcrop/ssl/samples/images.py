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

from objectcrop.boxes import CORNERS, Size, are_usable_in
from objectcrop.data.decoders import AUTO, Decoder
from objectcrop.data.flat import BoxLists, Groups, Paths, Sizes, Texts
from objectcrop.data.images import Decoded, decode_or_reject
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import ImageArray, Part, cut_at_border, pixels_of

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

    ids: Sequence[str]
    paths: Sequence[Path]
    sizes: Sequence[Size]

    @classmethod
    def of(cls, manifest: pd.DataFrame, data_root: Path) -> "ImageList":
        """The training split of a MANIFEST, in memory that workers share."""
        rows = manifest[manifest["split"] == "train"]
        if not rows["image_id"].is_monotonic_increasing:
            rows = rows.sort_values("image_id")
        sizes = rows[["width_px", "height_px"]].to_numpy(dtype=np.int32)
        return cls(ids=Texts(rows["image_id"]), paths=Paths(data_root, Texts(rows["path"])), sizes=Sizes(sizes))

    def __len__(self) -> int:
        return len(self.ids)


def boxes_of_images(proposals: pd.DataFrame, images: ImageList) -> BoxLists:
    """Return the proposals of each image by rank, pixels; an empty array for an image without any."""
    rows = Texts(images.ids).places_of(proposals["image_id"])
    known, ranks = np.flatnonzero(rows >= 0), proposals["rank"].to_numpy()
    ordered = known[np.lexsort([ranks[known], rows[known]])]
    corners = proposals[CORNERS].to_numpy(dtype=np.float64)[ordered]
    return BoxLists(corners, np.bincount(rows[ordered], minlength=len(images.ids)))


class UsableRanks:
    """Which proposals of each image are large enough to crop from (see `usable_ranks`)."""

    def __init__(self, boxes: BoxLists, sizes: Sizes, max_proposals: int) -> None:
        owners, places = boxes.groups.owners, boxes.groups.places
        limits = sizes.pixels[owners]
        inside = np.clip(boxes.corners, 0, np.tile(limits, 2))
        is_usable = are_usable_in(inside, limits) & (places < max_proposals)
        self.ranks = places[is_usable]
        self.groups = Groups(np.bincount(owners[is_usable], minlength=len(boxes)))

    @property
    def num_without(self) -> int:
        """How many images have none."""
        return int((self.groups.counts == 0).sum())

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, row: int) -> list[int]:
        ranks: list[int] = self.ranks[self.groups.rows(row)].tolist()
        return ranks


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


def list_sources(run: Run, usable: UsableRanks) -> NDArray[np.int64]:
    """List the image and proposal of each sample of an epoch, before their order is drawn.

    Args:
        run: its views say what gives a sample.
        usable: proposals of each image.

    Returns:
        Row of the image, and rank of the proposal or `DRAWN`, shape (samples, 2).
    """
    counts = usable.groups.counts
    if run.views.sample_unit == "image":
        return np.stack([np.arange(len(counts)), np.full(len(counts), DRAWN)], axis=1)
    samples = Groups(np.maximum(counts, 1))
    ranks = np.full(samples.starts[-1], DRAWN)
    ranks[np.repeat(counts > 0, samples.counts)] = usable.ranks
    return np.stack([samples.owners, ranks], axis=1)


def read_for(
    path: Path, size: Size, plans: Sequence[ViewPlan], settings: ViewSettings, decoder: Decoder = AUTO
) -> Part:
    """Decode what views show of an image: the smallest region that holds all their crops.

    Args:
        path: of the image.
        size: of the image.
        plans: of views that will be rendered.
        settings: how views are made.
        decoder: the one that `settings` mean, resolved.
    """
    side = settings.resize_first_px
    if side is not None:
        squeezed = _decode_square(path, side, decoder)
        return Part.whole(squeezed.pixels)._replace(is_rejected=squeezed.is_rejected)
    lefts, tops, rights, bottoms = zip(
        *(cut_at_border(pixels_of(plan, size, size), size) for plan in plans), strict=True
    )
    left, top = min(*lefts, size.width - 1), min(*tops, size.height - 1)
    right, bottom = max(*rights, left + 1), max(*bottoms, top + 1)
    pixels, is_rejected = decode_or_reject(path, decoder, (left, top, right, bottom))
    return Part(pixels, left, top, size, is_rejected)


def read_square(path: Path, side: int, decoder: Decoder = AUTO) -> ImageArray:
    """Return the whole image, squeezed to a square."""
    return _decode_square(path, side, decoder).pixels


def _decode_square(path: Path, side: int, decoder: Decoder) -> Decoded:
    whole, is_rejected = decode_or_reject(path, decoder)
    method = cv2.INTER_AREA if min(whole.shape[:2]) > side else cv2.INTER_LINEAR
    squeezed = np.asarray(cv2.resize(whole, (side, side), interpolation=method), dtype=np.uint8)
    return Decoded(squeezed, is_rejected)
