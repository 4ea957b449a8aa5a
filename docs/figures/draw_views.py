"""Draw docs/figures/views.png: pairs of scene crops, and pairs of an object and its surroundings, of one drawn scene.

Run from the checkout: python docs/figures/draw_views.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import cv2
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle

from objectcrop.boxes import Size
from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import plan_pair
from objectcrop.views.render import render

SCENE, NUM_PAIRS, SIDE = 12, 3, 224
COLOURS = ("#0072b2", "#d55e00", "#009e73")
PANELS = {
    "two random crops of the scene": ViewSettings(),
    "an object, and the same box dilated": ViewSettings(
        regions=("object", "dilated_object"), proposals="gt", swap=False, object_scale_min=0.5
    ),
}


def main() -> None:
    """Draw the figure."""
    scene = draw_scene(DrawnDataset(source="drawn", mean_objects=5), "train", SCENE)
    image = cv2.cvtColor(scene.image, cv2.COLOR_BGR2RGB)
    size = Size(image.shape[1], image.shape[0])
    boxes = np.array([item.box for item in scene.objects], dtype=float)
    figure = plt.figure(figsize=(11, 6.4), dpi=72)
    for column, (title, settings) in enumerate(PANELS.items()):
        grid = GridSpec(
            2,
            NUM_PAIRS * 2,
            figure,
            left=0.01 + 0.5 * column,
            right=0.49 + 0.5 * column,
            top=0.93,
            bottom=0.02,
            wspace=0.06,
            hspace=0.04,
            height_ratios=(3, 1),
        )
        scene_axes = figure.add_subplot(grid[0, :])
        scene_axes.imshow(image)
        scene_axes.set_title(title, fontsize=13)
        scene_axes.axis("off")
        for pair in range(NUM_PAIRS):
            plans = plan_pair(boxes, size, settings, 0.5, generator(7, "figure", title, pair))
            for place, plan in enumerate(plans):
                x1, y1, x2, y2 = plan.crop_box
                style = ("-", "--")[place]
                scene_axes.add_patch(
                    Rectangle(
                        (x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=COLOURS[pair], linestyle=style, linewidth=2.5
                    )
                )
                axes = figure.add_subplot(grid[1, 2 * pair + place])
                axes.imshow(render(image, size, plan, SIDE))
                axes.set_xticks([])
                axes.set_yticks([])
                for spine in axes.spines.values():
                    spine.set(edgecolor=COLOURS[pair], linestyle=style, linewidth=2.5)
    figure.savefig(Path(__file__).with_name("views.png"), pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
