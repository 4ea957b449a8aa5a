"""Other ways to make the same pairs: PIL and torchvision's transforms, lightly's, torchvision's second ones, AlbumentationsX's.

Each is a function of a collection that returns a function of a row, which gives both views of it.
"""

import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from loader_parts.collection import Collection
from PIL import Image, ImageFilter
from torchvision import transforms
from torchvision.transforms import v2

from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import region_box

Load = Callable[[int], object]
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
        image, size, rng = (
            read_pil(collection.images.paths[row]),
            collection.images.sizes[row],
            np.random.default_rng(0),
        )
        inner, outer = (region_box(region, collection.boxes[row], size, OBJECTS, rng) for region in OBJECTS.regions)
        return of_object(image.crop(_whole(inner))), of_dilated(image.crop(_whole(outer)))

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


def albumentations_scenes(collection: Collection) -> Load | None:
    """AlbumentationsX on OpenCV's pixels, averaged where they shrink; None where it is not installed."""
    if find_spec("albumentations") is None:
        return None
    import albumentations

    transform = albumentations.Compose(
        [
            albumentations.RandomResizedCrop((SIDE_PX, SIDE_PX), scale=SCENE_SCALE, interpolation=cv2.INTER_AREA),
            albumentations.ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4), (-0.1, 0.1), p=0.8),
            albumentations.ToGray(p=0.2),
            albumentations.GaussianBlur((0, 0), (0.1, 2.0), p=0.5),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.Normalize(MEAN, DEVIATION),
        ]
    )

    def load(row: int) -> object:
        image = cv2.imread(str(collection.images.paths[row]), cv2.IMREAD_COLOR_RGB)
        return transform(image=image)["image"], transform(image=image)["image"]

    return load


def _whole(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return int(left), int(top), int(right), int(bottom)
