"""Other ways to make the same pairs: PIL and torchvision's transforms, lightly's, torchvision's second ones, AlbumentationsX's.

Each is a function of a collection that returns a function of a row, which gives both views of it.
"""

import os
import random
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from loader_parts.collection import Collection
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torchvision import transforms
from torchvision.transforms import v2

from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import region_box
from objectcrop.views.regions import as_box

Load = Callable[[int], object]
ALBUMENTATIONS = "albumentationsx"
SIDE_PX, SCENE_SCALE, OBJECT_SCALE_MIN = 224, (0.2, 1.0), 0.5
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OBJECTS = ViewSettings(regions=("object", "dilated_object"), proposals="boxes")


def blur(image: Image.Image) -> Image.Image:
    """MoCo's Gaussian blur on PIL images."""
    return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def classic_transform(scale: tuple[float, float]) -> Callable[[Image.Image], torch.Tensor]:
    """MoCo-v2's recipe by PIL and torchvision's first transforms."""
    transform: Callable[[Image.Image], torch.Tensor] = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIDE_PX, scale=scale),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([transforms.Lambda(blur)], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, DEVIATION),
        ]
    )
    return transform


def read_pil(path: Path) -> Image.Image:
    """Return an image as torchvision's folders give it."""
    with path.open("rb") as file:
        return Image.open(file).convert("RGB")


def classic_scenes(collection: Collection) -> Load:
    """Two random crops of the scene."""
    transform = classic_transform(SCENE_SCALE)

    def load(row: int) -> object:
        image = read_pil(collection.images.paths[row])
        return transform(image), transform(image)

    return load


def classic_objects(collection: Collection) -> Load:
    """A crop of the object and one of the dilated object, cut out first, as the authors' release does."""
    of_object, of_dilated = classic_transform((OBJECT_SCALE_MIN, 1.0)), classic_transform(SCENE_SCALE)

    def load(row: int) -> object:
        image, (inner, outer) = read_pil(collection.images.paths[row]), object_regions(collection, row)
        return of_object(image.crop(inner)), of_dilated(image.crop(outer))

    return load


def lightly_scenes(collection: Collection) -> Load:
    """Lightly's MoCo-v2 transform."""
    from lightly.transforms import MoCoV2Transform

    transform = MoCoV2Transform(input_size=SIDE_PX)
    return lambda row: transform(read_pil(collection.images.paths[row]))


def second_torchvision_scenes(collection: Collection) -> Load:
    """Torchvision's second transforms on bytes in tensors."""
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(SIDE_PX, scale=SCENE_SCALE, antialias=True),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            v2.RandomGrayscale(p=0.2),
            v2.RandomApply([v2.GaussianBlur(23, (0.1, 2.0))], p=0.5),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, DEVIATION),
        ]
    )

    def load(row: int) -> object:
        image = v2.functional.pil_to_tensor(read_pil(collection.images.paths[row]))
        return transform(image), transform(image)

    return load


def albumentations_transform(scale: tuple[float, float]) -> Callable[..., dict[str, Any]] | None:
    """MoCo-v2's recipe by AlbumentationsX; None where that is not installed (`--target FOLDER`, PYTHONPATH=FOLDER).

    As in the classic recipe: area, ratio and place of the crop, ranges, probabilities and order of the steps, three box filters
    for the blur. Different: images are OpenCV's; a crop that shrinks is resized by areas and one that grows linearly, neither
    antialiased as Pillow does; hue and saturation are OpenCV's; random numbers are NumPy's.
    """
    if not is_installed(ALBUMENTATIONS):
        return None
    # it would report the pipeline to its authors
    os.environ["ALBUMENTATIONS_OFFLINE"] = "1"
    import albumentations

    transform: Callable[..., dict[str, Any]] = albumentations.Compose(
        [
            albumentations.RandomResizedCrop(
                size=(SIDE_PX, SIDE_PX), scale=scale, interpolation=cv2.INTER_LINEAR, area_for_downscale="image"
            ),
            albumentations.ColorJitter(
                brightness_range=(0.6, 1.4),
                contrast_range=(0.6, 1.4),
                saturation_range=(0.6, 1.4),
                hue_range=(-0.1, 0.1),
                p=0.8,
            ),
            albumentations.ToGray(p=0.2),
            albumentations.GaussianBlur(sigma_range=(0.1, 2.0), blur_range=(0, 0), p=0.5),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.Normalize(mean=MEAN, std=DEVIATION),
        ]
    )
    return transform


def albumentations_scenes(collection: Collection) -> Load | None:
    """Two random crops of the scene by AlbumentationsX."""
    transform = albumentations_transform(SCENE_SCALE)
    if transform is None:
        return None

    def load(row: int) -> object:
        image = read_opencv(collection.images.paths[row])
        return transform(image=image)["image"], transform(image=image)["image"]

    return load


def albumentations_objects(collection: Collection) -> Load | None:
    """A crop of the object and one of the dilated object by AlbumentationsX, cut out first, as `classic_objects` does."""
    of_object, of_dilated = (albumentations_transform(scale) for scale in ((OBJECT_SCALE_MIN, 1.0), SCENE_SCALE))
    if of_object is None or of_dilated is None:
        return None

    def load(row: int) -> object:
        image = read_opencv(collection.images.paths[row])
        inner, outer = (image[top:bottom, left:right] for left, top, right, bottom in object_regions(collection, row))
        return of_object(image=inner)["image"], of_dilated(image=outer)["image"]

    return load


def read_opencv(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image, RGB, shape (height, width, 3)."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def is_installed(package: str) -> bool:
    """Return whether a package of this name is there; others may bring a module of the same name."""
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def object_regions(collection: Collection, row: int) -> list[tuple[int, int, int, int]]:
    """Return the regions of the object and of the dilated object of an image, whole pixels."""
    size, rng = collection.images.sizes[row], np.random.default_rng(0)
    box = as_box(collection.boxes[row])
    regions = [region_box(region, box, size, OBJECTS, rng) for region in OBJECTS.regions]
    return [(int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in regions]
