"""What a trunk takes for the same: the background or the object. Scenes are painted with and without their objects.

The paper argues that scene crops are matched by what else they share than an object. Drawn scenes can be taken apart, so that the
argument can be checked on the features themselves, without any probe.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.data.drawn.masks import visible_objects
from objectcrop.data.drawn.paint import ImageArray, paint_scene
from objectcrop.data.drawn.plan import Layout, plan_scene
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset

NUM_SCENES = 400
SCENE_SCALE = (0.2, 1.0)
Box = tuple[int, int, int, int]


class Matches(NamedTuple):
    """Shares of 0 to 1 over scenes.

    Attributes:
        by_scene: of two crops of a scene, how often the second is the nearest to the first among those of all scenes.
        by_background: the same of the scenes without their objects.
        by_object: how often a crop of an object is nearest to the same object before another scene's background, among all.
        object_over_background: how often that one is nearer than the same crop of its own scene without the objects.
    """

    by_scene: float
    by_background: float
    by_object: float
    object_over_background: float


class TakenApart(NamedTuple):
    """A scene as it is, the same without objects, where objects are, and the box of one."""

    image: ImageArray
    background: ImageArray
    is_object: NDArray[np.bool_]
    box: Box


def take_apart(settings: DrawnDataset, index: int) -> TakenApart:
    """Draw a test scene with and without its objects; light, lens and noise differ by what the objects drew of the generator."""
    rng = generator(settings.seed, "drawn", "test", index)
    scene_type, layout = plan_scene(settings, rng)
    empty = Layout(np.zeros_like(layout.owner))
    background = paint_scene(settings, scene_type, empty, _copy(rng))
    objects = visible_objects(layout)
    chosen = objects[int(generator(0, "matched object", index).integers(len(objects)))]
    return TakenApart(paint_scene(settings, scene_type, layout, rng), background, layout.owner > 0, chosen.box)


class Prepared(NamedTuple):
    """Crops of the first test scenes, RGB and of one size; the number of a scene is its place.

    Attributes:
        scenes: two crops of each.
        backgrounds: the same two without the objects.
        objects: a crop of one object.
        moved: the same pixels of objects before another scene's background.
        left: the same crop without the objects.
    """

    scenes: tuple[list[ImageArray], list[ImageArray]]
    backgrounds: tuple[list[ImageArray], list[ImageArray]]
    objects: list[ImageArray]
    moved: list[ImageArray]
    left: list[ImageArray]


def prepare(settings: DrawnDataset, size_px: int, num_scenes: int = NUM_SCENES) -> Prepared:
    """Draw scenes and cut all crops, as squares of `size_px`."""
    scenes = [take_apart(settings, index) for index in range(num_scenes)]
    crops = [scene_crops(settings, index) for index in range(num_scenes)]
    cut = partial(_cut, size_px=size_px)
    return Prepared(
        _pair([[cut(scene.image, box) for box in pair] for scene, pair in zip(scenes, crops, strict=True)]),
        _pair([[cut(scene.background, box) for box in pair] for scene, pair in zip(scenes, crops, strict=True)]),
        [cut(scene.image, scene.box) for scene in scenes],
        [cut(_moved(scene, scenes[index - 1]), scene.box) for index, scene in enumerate(scenes)],
        [cut(scene.background, scene.box) for scene in scenes],
    )


def measure_matches(backbone: Backbone, crops: Prepared) -> Matches:
    """Measure a trunk, in evaluation mode."""
    features = partial(features_of, backbone)
    objects, moved, left = features(crops.objects), features(crops.moved), features(crops.left)
    return Matches(
        by_scene=nearest_share(*map(features, crops.scenes)),
        by_background=nearest_share(*map(features, crops.backgrounds)),
        by_object=nearest_share(objects, moved),
        object_over_background=float(((objects * moved).sum(1) > (objects * left).sum(1)).float().mean()),
    )


def _pair(crops: list[list[ImageArray]]) -> tuple[list[ImageArray], list[ImageArray]]:
    return [first for first, _ in crops], [second for _, second in crops]


def nearest_share(queries: Tensor, keys: Tensor) -> float:
    """Return how often the nearest key of a query is its own; both have unit rows, shape (n, d)."""
    return float(((queries @ keys.T).argmax(1) == torch.arange(len(queries))).float().mean())


@torch.no_grad()
def features_of(backbone: Backbone, crops: Sequence[ImageArray]) -> Tensor:
    """Return pooled features of RGB crops of one size, each of length 1."""
    backbone.eval()
    batches = torch.from_numpy(np.stack(crops)).split(200)
    return torch.nn.functional.normalize(torch.cat([backbone.view(batch).features for batch in batches]))


def scene_crops(settings: DrawnDataset, index: int) -> tuple[Box, Box]:
    """Return two square crops of a scene, of areas and places drawn evenly."""
    rng = generator(0, "matched crops", index)
    return _square(settings, rng), _square(settings, rng)


def _square(settings: DrawnDataset, rng: np.random.Generator) -> Box:
    area = rng.uniform(*SCENE_SCALE) * settings.width_px * settings.height_px
    side = round(min(np.sqrt(area), settings.width_px, settings.height_px))
    left, top = (int(rng.integers(length - side + 1)) for length in (settings.width_px, settings.height_px))
    return left, top, left + side, top + side


def _moved(scene: TakenApart, other: TakenApart) -> ImageArray:
    return np.where(scene.is_object[..., None], scene.image, other.background)


def _cut(image: ImageArray, box: Box, *, size_px: int) -> ImageArray:
    left, top, right, bottom = box
    resized = cv2.resize(image[top:bottom, left:right], (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized[..., ::-1])  # BGR, as it is drawn, to RGB


def _copy(rng: np.random.Generator) -> np.random.Generator:
    copied = np.random.Generator(type(rng.bit_generator)())
    copied.bit_generator.state = rng.bit_generator.state
    return copied
