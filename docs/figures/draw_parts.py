"""Draw docs/figures/parts.png (views, labels of localization, rotations) and docs/figures/augmentations.png.

Run from the checkout: python docs/figures/draw_parts.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import cv2
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from PIL import Image

from objectcrop.boxes import Boxes, Size, area
from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.views import Augmentation, Region, SmallCropSettings, ViewSettings
from objectcrop.views.localization import occupancy
from objectcrop.views.plan import ViewPlan, plan_pair, plan_small_crops, plan_whole
from objectcrop.views.render import ImageArray, render

SCENE, SIDE, PATCHES = 12, 224, 7
NUM_OBJECTS = 2
SAMPLES = (0, 8)
"""The second one shows a mirrored whole view."""
OBJECT, OTHER, CELL = "#d55e00", "#0072b2", "#f0e442"
REGIONS: tuple[Region, ...] = ("dilated_object", "shifted_object", "scene", "random_box", "whole_image")
SETS: tuple[Augmentation, ...] = ("moco_v2", "moco_v1", "byol", "swav", "cmc")


def show(axes: Axes, image: ImageArray, title: str = "", colour: str | None = None) -> None:
    """Show an image without ticks, framed if there is a colour."""
    axes.imshow(image)
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=colour is not None, edgecolor=colour, linewidth=2.5)


def frame(axes: Axes, box: tuple[float, float, float, float], colour: str, style: str = "-", width: float = 2) -> None:
    """A box over an image."""
    x1, y1, x2, y2 = box
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linestyle=style, linewidth=width)
    )


def draw_pair(figure: Figure, grid: GridSpec, row: int, image: ImageArray, pair: tuple[ViewPlan, ViewPlan]) -> None:
    """Regions (dashed) and crops over the image, and both views."""
    size = Size(image.shape[1], image.shape[0])
    axes = figure.add_subplot(grid[row, 0])
    show(axes, image, "regions (dashed) and crops")
    for plan, colour in zip(pair, (OBJECT, OTHER), strict=True):
        frame(axes, plan.region_box, colour, "--")
        frame(axes, plan.crop_box, colour)
    show(figure.add_subplot(grid[row, 1]), render(image, size, pair[0], SIDE), "object view", OBJECT)
    show(figure.add_subplot(grid[row, 2]), render(image, size, pair[1], SIDE), "dilated view", OTHER)


def draw_labels(axes: Axes, image: ImageArray, crop: ViewPlan, whole: ViewPlan) -> None:
    """Y over the view of the whole image, with the crop that it is made from."""
    size = Size(image.shape[1], image.shape[0])
    show(axes, render(image, size, whole, SIDE), "Y over the whole view" + (" (mirrored)" if whole.is_flipped else ""))
    cells = occupancy(crop.crop_box, size, PATCHES, is_flipped=whole.is_flipped)
    side = SIDE / PATCHES
    for row, column in np.argwhere(cells):
        axes.add_patch(Rectangle((column * side, row * side), side, side, facecolor=CELL, alpha=0.45))
    for edge in np.arange(1, PATCHES) * side:
        axes.axhline(edge - 0.5, color="white", linewidth=0.7)
        axes.axvline(edge - 0.5, color="white", linewidth=0.7)
    x1, y1, x2, y2 = np.array(crop.crop_box) * np.array([SIDE / size.width, SIDE / size.height] * 2)
    if whole.is_flipped:
        x1, x2 = SIDE - x2, SIDE - x1
    frame(axes, (x1, y1, x2, y2), OBJECT)


def draw_parts(image: ImageArray, boxes: Boxes) -> None:
    """Samples of the paper's method with the targets of both extra losses."""
    size = Size(image.shape[1], image.shape[0])
    settings = ViewSettings(regions=("object", "dilated_object"), proposals="gt", swap=False)
    figure = plt.figure(figsize=(15, 2.25 * len(SAMPLES)), dpi=64)
    grid = GridSpec(len(SAMPLES), 8, figure, 0.005, 0.01, 0.995, 0.93, 0.05, 0.16, width_ratios=(4 / 3, *[1] * 7))
    for row, sample in enumerate(SAMPLES):
        rng = generator(3, "figure", "parts", sample)
        pair, whole = plan_pair(boxes, size, settings, 0.5, rng), plan_whole(size, settings, rng)
        draw_pair(figure, grid, row, image, pair)
        draw_labels(figure.add_subplot(grid[row, 3]), image, pair[0], whole)
        view = render(image, size, pair[0], SIDE)
        for rotation in range(4):
            show(
                figure.add_subplot(grid[row, 4 + rotation]), np.rot90(view, rotation), f"rotation = {rotation}", OBJECT
            )
    save(figure, "parts.png")


def draw_sets(image: ImageArray, boxes: Boxes) -> None:
    """Query, key and small crops of each augmentation set, and a view of each region."""
    size = Size(image.shape[1], image.shape[0])
    columns = 10
    figure = plt.figure(figsize=(13, 1.5 * (len(SETS) + 1)), dpi=64)
    grid = GridSpec(len(SETS) + 1, columns, figure, 0.005, 0.01, 0.995, 0.965, 0.05, 0.25)
    for row, name in enumerate(SETS):
        settings = ViewSettings(augmentation=name, small_crops=SmallCropSettings() if name == "swav" else None)
        for sample in range(2 if name == "swav" else columns // 2):
            rng = generator(1, "figure", name, sample)
            for place, plan in enumerate(plan_pair(boxes, size, settings, 0.5, rng)):
                axes = figure.add_subplot(grid[row, 2 * sample + place])
                show(
                    axes,
                    render(image, size, plan, SIDE),
                    f"{name}, {('query', 'key')[place]}",
                    (OBJECT, OTHER)[place],
                )
        for place, plan in enumerate(plan_small_crops(size, settings, generator(2, "figure", name))):
            show(figure.add_subplot(grid[row, 4 + place]), render(image, size, plan, 96), f"{name}, small")
    for place, region in enumerate(REGIONS):
        settings = ViewSettings(regions=("object", region), proposals="gt", swap=False, augmentation="cmc")
        plan = plan_pair(boxes, size, settings, 0.5, generator(5, "figure", "regions"))[1]
        axes = figure.add_subplot(grid[len(SETS), 2 * place : 2 * place + 2])
        show(axes, image, region)
        frame(axes, plan.region_box, OTHER, "--")
        frame(axes, plan.crop_box, OTHER)
    save(figure, "augmentations.png")


def save(figure: Figure, name: str) -> None:
    """Write a PNG of few colours beside this script."""
    path = Path(__file__).with_name(name)
    figure.savefig(path, pil_kwargs={"optimize": True})
    plt.close(figure)
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    Image.fromarray(pixels).quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draw both figures."""
    scene = draw_scene(DrawnDataset(source="drawn", mean_objects=5), "train", SCENE)
    image = cv2.cvtColor(scene.image, cv2.COLOR_BGR2RGB)
    boxes = np.array([item.box for item in scene.objects], dtype=float)
    boxes = boxes[np.argsort(-area(boxes))][:NUM_OBJECTS]
    draw_parts(image, boxes)
    draw_sets(image, boxes)


if __name__ == "__main__":
    main()
