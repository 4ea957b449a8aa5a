"""Features of pictures from a frozen backbone, with their labels."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.boxes import Size
from objectcrop.data.images import decode_image
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import generator
from objectcrop.ssl.backbones import Backbone
from objectcrop.ssl.samples import normalise
from objectcrop.study.tasks import LinearTask
from objectcrop.views.plan import plan_plain_crop
from objectcrop.views.render import render

TRAIN_SCALE_MIN = 0.08
CHUNK = 128

ViewOf = Callable[[int], NDArray[np.uint8]]


class FeatureSource:
    """Pictures of one split: features of their training views and of their centre, computed when they are asked for.

    Args:
        backbone: frozen, in evaluation mode.
        paths: of the pictures.
        sizes: of the same, as decoded.
        ids: of the same.
        labels: shape (N, classes).
        task: settings.
        seeds: (study seed, run seed).
        device: where the backbone is.
    """

    def __init__(
        self,
        backbone: Backbone,
        paths: Sequence[Path],
        sizes: Sequence[Size],
        ids: Sequence[str],
        labels: NDArray[np.bool_],
        task: LinearTask,
        seeds: tuple[int, int],
        device: torch.device,
    ) -> None:
        if not paths:
            raise ValueError(
                f"data set {task.dataset!r} has no labelled pictures in a split that the linear task needs"
            )
        self.labels, self.num_features = labels, backbone.num_features
        self._backbone, self._paths, self._sizes, self._ids = backbone, paths, sizes, ids
        self._task, self._seeds, self._device = task, seeds, device
        self._cached: dict[int, Tensor] = {}
        self._centres: Tensor | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def training(self, rows: NDArray[np.int64], epoch: int) -> Tensor:
        """Features of the training views of an epoch, shape (len(rows), num_features), float32, on the CPU."""
        if self._task.cached_views is None:
            return self._extract([self._view(row, epoch) for row in rows.tolist()])
        view = epoch % self._task.cached_views
        if view not in self._cached:
            label = f"features, training view {view + 1} of {self._task.cached_views}"
            self._cached[view] = self._all(lambda row: self._view(row, view), label)
        return self._cached[view][torch.from_numpy(rows)]

    def fixed(self, rows: NDArray[np.int64]) -> Tensor:
        """Features of the centre crops, shape (len(rows), num_features)."""
        if self._centres is None:
            self._centres = self._all(self._centre, "features, centre crops")
        return self._centres[torch.from_numpy(rows)]

    def _all(self, view_of: ViewOf, label: str) -> Tensor:
        parts = []
        with Progress(label, total=len(self), unit="pictures") as progress:
            for rows in _chunks(len(self)):
                parts.append(self._extract([view_of(row) for row in rows]))
                progress.advance(len(rows))
        return torch.cat(parts)

    def _view(self, row: int, number: int) -> NDArray[np.uint8]:
        rng = generator(self._seeds[0], "linear views", self._seeds[1], number, self._ids[row])
        plan = plan_plain_crop(self._sizes[row], TRAIN_SCALE_MIN, rng)
        return render(decode_image(self._paths[row]), self._sizes[row], plan, self._task.size_px)

    def _centre(self, row: int) -> NDArray[np.uint8]:
        return centre_crop(decode_image(self._paths[row]), self._task.resize_px, self._task.size_px)

    @torch.inference_mode()
    def _extract(self, views: list[NDArray[np.uint8]]) -> Tensor:
        images = normalise(torch.from_numpy(np.stack(views)).to(self._device))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            features = self._backbone(images.contiguous(memory_format=torch.channels_last))
        found: Tensor = features.float().cpu().clone()
        return found


def centre_crop(picture: NDArray[np.uint8], resize_px: int, size_px: int) -> NDArray[np.uint8]:
    """Resize the short side to `resize_px`, cut the central square of `size_px`; a smaller picture is resized to fit."""
    height, width = picture.shape[:2]
    scale = max(resize_px, size_px) / min(height, width)
    size = (max(round(width * scale), size_px), max(round(height * scale), size_px))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(picture, size, interpolation=method)
    left, top = (size[0] - size_px) // 2, (size[1] - size_px) // 2
    return np.ascontiguousarray(resized[top : top + size_px, left : left + size_px], dtype=np.uint8)


def label_matrix(image_ids: Sequence[str], annotations: pd.DataFrame, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Which picture shows which class, shape (pictures, classes)."""
    rows = {image_id: row for row, image_id in enumerate(image_ids)}
    columns = {name: column for column, name in enumerate(classes)}
    known = annotations[annotations["image_id"].isin(rows) & annotations["class_id"].isin(columns)]
    labels = np.zeros((len(image_ids), len(classes)), dtype=bool)
    labels[known["image_id"].map(rows).to_numpy(dtype=int), known["class_id"].map(columns).to_numpy(dtype=int)] = True
    return labels


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))
