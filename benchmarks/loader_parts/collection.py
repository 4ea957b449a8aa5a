"""The JPEGs that loaders are timed on: photographs where they are at hand, else drawn scenes with grain."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.ssl.samples.images import ImageList
from objectcrop.study.settings.datasets import DrawnDataset

PHOTOGRAPHS = Path(__file__).resolve().parents[3] / "shared/data/coco_mini"
NUM_IMAGES, QUALITY, GRAIN = 40, 92, 6.0
BOX_SHARES = (0.2, 0.4)
"""Area of a box over that of its image."""


class Collection(NamedTuple):
    """Images with a box each, and what they are."""

    images: ImageList
    boxes: list[Boxes]
    about: str

    @property
    def kilobytes(self) -> float:
        """Mean size of a file."""
        return float(np.mean([path.stat().st_size for path in self.images.paths])) / 1000


def collect(folder: Path, size: Size) -> Collection:
    """Return photographs of a size, resized and encoded again if they have another one; drawn scenes without photographs."""
    found = sorted(PHOTOGRAPHS.glob("*2017/*.jpg"))
    paths = _photographs(found, folder, size) if found else _drawn(folder, size)
    rng = np.random.default_rng(0)
    boxes = [_box(size, rng) for _ in paths]
    images = ImageList(tuple(path.stem for path in paths), tuple(paths), (size,) * len(paths))
    about = "photographs of COCO" if found else "drawn scenes with grain"
    return Collection(images, boxes, f"{len(paths)} {about}")


def _photographs(found: list[Path], folder: Path, size: Size) -> list[Path]:
    paths = []
    for source in found:
        with Image.open(source) as image:
            if image.width <= image.height:
                continue
            if image.size == size:
                paths.append(source)
            elif size.width > 640:  # the photographs are of 640 x 480 at most
                paths.append(folder / f"{size.width}-{source.name}")
                image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(paths[-1], quality=QUALITY)
        if len(paths) == NUM_IMAGES:
            break
    return paths


def _drawn(folder: Path, size: Size) -> list[Path]:
    settings = DrawnDataset(source="drawn", width_px=size.width, height_px=size.height, object_sizes="medium")
    paths = []
    for number in range(NUM_IMAGES):
        scene = draw_scene(settings, "train", number)
        grain = np.random.default_rng(number).normal(0, GRAIN, scene.image.shape)
        path = folder / f"{size.width}-{number:02d}.jpg"
        pixels = np.clip(scene.image + grain, 0, 255).astype(np.uint8)
        if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
            raise OSError(f"{path}: cannot be written")
        paths.append(path)
    return paths


def _box(size: Size, rng: np.random.Generator) -> Boxes:
    scale = np.sqrt(rng.uniform(*BOX_SHARES))
    width, height = scale * size.width, scale * size.height
    left, top = rng.uniform(0, size.width - width), rng.uniform(0, size.height - height)
    return as_boxes([left, top, left + width, top + height])
