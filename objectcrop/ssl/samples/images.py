"""The images that samples are made of: order, sizes, boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.study.settings.runs import Run

Key = tuple[int, int]
"""(epoch, number of the sample): which image that is, `sampling` says; of samples by image, its row."""


@dataclass(frozen=True)
class PictureList:
    """The images of a training set, in an order that depends on their ids alone."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    sizes: tuple[Size, ...]

    @classmethod
    def of(cls, manifest: pd.DataFrame, data_root: Path) -> "PictureList":
        """The training split of a MANIFEST."""
        rows = manifest[manifest["split"] == "train"].sort_values("image_id")
        return cls(
            ids=tuple(rows["image_id"]),
            paths=tuple(data_root / path for path in rows["path"]),
            sizes=tuple(map(Size, rows["width_px"].tolist(), rows["height_px"].tolist())),
        )

    def __len__(self) -> int:
        return len(self.ids)


def boxes_by_picture(proposals: pd.DataFrame, pictures: PictureList) -> list[Boxes]:
    """Proposals of each image by rank, pixels; an empty array for an image without any."""
    ordered = proposals.sort_values(["image_id", "rank"])
    corners = ordered[["x1", "y1", "x2", "y2"]].to_numpy(dtype=np.float64)
    rows = {image_id: corners[found] for image_id, found in ordered.groupby("image_id", sort=False).indices.items()}
    return [as_boxes(rows.get(image_id, np.zeros((0, 4)))) for image_id in pictures.ids]


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
