"""What a step is fed, and what is measured: images and targets, resized and cut."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from objectcrop.data.class_maps import IGNORED, MappedDataset, MappedImage
from objectcrop.data.images import decode_image
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.datasets import Split
from objectcrop.study.settings.tasks import SemanticSegmenterTask
from objectcrop.views.normalisation import MEAN

Pixels = NDArray[np.uint8]
_PADDING = tuple(round(255 * value) for value in MEAN)
"""Colour of what is outside an image: zero, once it is normalised."""


class Batch(NamedTuple):
    """Images, uint8, shape (N, H, W, 3), their targets, uint8, shape (N, H', W'), and their ids."""

    images: Tensor
    targets: Tensor
    ids: list[str]


class CropPlan(NamedTuple):
    """Where a training crop is: sides of the resized image, left and top of the crop in it, pixels, and whether it is flipped."""

    width: int
    height: int
    left: int
    top: int
    is_flipped: bool


class Crops(Dataset[Batch]):
    """Square training crops in batches: keys are (epoch, row)."""

    def __init__(self, data: MappedDataset, task: SemanticSegmenterTask, seeds: Seeds) -> None:
        self.data, self.images, self.task, self.seeds = data, data.images["train"], task, seeds

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, keys: list[tuple[int, int]]) -> Batch:
        """Make a batch of crops, images and targets of the same size."""
        crops = [self._draw(*key) for key in keys]
        images, targets = (torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True))
        return Batch(images, targets, [self.images[row].image_id for _, row in keys])

    def _draw(self, epoch: int, row: int) -> tuple[Pixels, Pixels]:
        pixels, targets = read_image(self.data, self.images[row])
        rng = self.seeds.generator("segmentation-crops", epoch, self.images[row].image_id)
        plan = plan_crop(pixels.shape[1], pixels.shape[0], self.task, rng)
        side = self.task.size_px
        return cut(pixels, plan, side, _PADDING), cut(targets, plan, side, IGNORED)


class Wholes(Dataset[Batch]):
    """Whole images in batches of one, the short side resized to size_px: keys are rows; targets have the image's own size."""

    def __init__(self, data: MappedDataset, split: Split, size_px: int) -> None:
        self.data, self.images, self.size_px = data, data.images[split], size_px

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, keys: list[int]) -> Batch:
        """Make a batch of one image."""
        (row,) = keys
        pixels, targets = read_image(self.data, self.images[row])
        height, width = targets.shape
        width, height = resized_sides(width, height, self.size_px)
        resized = _resized(pixels, width, height)
        return Batch(torch.from_numpy(resized[None]), torch.from_numpy(targets[None]), [self.images[row].image_id])


def read_image(data: MappedDataset, image: MappedImage) -> tuple[Pixels, Pixels]:
    """Return an image, shape (height, width, 3), and its targets, shape (height, width).

    Raises:
        FileNotFoundError, ValueError: naming the file, if one of them cannot be used.
    """
    pixels = decode_image(image.image)
    return pixels, data.read_targets(image, (pixels.shape[1], pixels.shape[0]))


def resized_sides(width: int, height: int, short: float) -> tuple[int, int]:
    """Return the sides of an image whose short side is resized to `short`, pixels, at least 1."""
    scale = short / min(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def plan_crop(width: int, height: int, task: SemanticSegmenterTask, rng: np.random.Generator) -> CropPlan:
    """Choose a scale (uniform in its logarithm), a crop of it and a flip; an image smaller than the crop is at its top left."""
    smallest, largest = np.log(task.scales)
    scale = float(np.exp(rng.uniform(smallest, largest)))
    width, height = resized_sides(width, height, task.size_px * scale)
    left, top = (int(rng.integers(max(side - task.size_px, 0) + 1)) for side in (width, height))
    return CropPlan(width, height, left, top, bool(rng.random() < 0.5))


def cut(pixels: Pixels, plan: CropPlan, side: int, padding: int | tuple[int, ...]) -> Pixels:
    """Resize an image (bilinear) or targets (nearest), cut a square out and flip it, shape (side, side, ...).

    What is outside the image is `padding`.
    """
    resized = _resized(pixels, plan.width, plan.height)
    inside = resized[plan.top : plan.top + side, plan.left : plan.left + side]
    crop = np.empty((side, side, *pixels.shape[2:]), dtype=np.uint8)
    crop[:] = padding
    crop[: inside.shape[0], : inside.shape[1]] = inside
    return np.ascontiguousarray(crop[:, ::-1] if plan.is_flipped else crop)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    smooth = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_LINEAR
    interpolation = cv2.INTER_NEAREST_EXACT if pixels.ndim == 2 else smooth
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), dtype=np.uint8)
