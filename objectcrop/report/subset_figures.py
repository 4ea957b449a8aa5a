"""Figures of a subset: images of each class, objects of an image, their areas and places, beside the data set selected from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from objectcrop.report.curves import PALETTE, as_svg

_SUBSET, _BASE = PALETTE[0], PALETTE[4]


def draw_subset(statistics: Mapping[str, Any]) -> str:
    """An SVG with six panels.

    Args:
        statistics: what `measure_subset` writes to statistics.json.
    """
    figure, panels = plt.subplots(2, 3, figsize=(12.6, 7.0))
    parts = [
        (str(statistics["base"]), statistics["base_counts"], _BASE),
        (str(statistics["dataset"]), statistics["subset_counts"], _SUBSET),
    ]
    for name, counts, colour in parts:
        _draw_images_per_class(panels[0][0], counts, colour, name)
        _draw_objects_per_image(panels[0][1], counts, colour, name)
        _draw_areas(panels[0][2], counts, colour, name)
    for panel, (name, counts, _) in zip(panels[1], reversed(parts), strict=False):
        _draw_centres(panel, counts, name)
    _draw_classes(panels[1][2], statistics["per_class"], str(statistics["dataset"]))
    for panel in [*panels[0], panels[1][2]]:
        panel.tick_params(which="both", labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return as_svg(figure)


def _label(panel: Any, title: str, x: str, y: str) -> None:
    panel.set_title(title, fontsize=10)
    panel.set_xlabel(x, fontsize=9)
    panel.set_ylabel(y, fontsize=9)


def _draw_images_per_class(panel: Any, counts: Mapping[str, Any], colour: str, name: str) -> None:
    images = counts["images_per_class"]
    panel.plot(range(1, len(images) + 1), images, color=colour, label=f"{name} ({len(images)} classes)", linewidth=1.4)
    panel.set_yscale("log")
    _label(panel, "Images of each class", "classes, most common first", "training images")


def _draw_objects_per_image(panel: Any, counts: Mapping[str, Any], colour: str, name: str) -> None:
    histogram = counts["objects_per_image"]
    if not histogram["objects"]:
        return
    shares = np.array(histogram["images"]) / sum(histogram["images"])
    panel.plot(histogram["objects"], 100 * shares, color=colour, label=name, linewidth=1.2, marker=".", markersize=3)
    panel.set_xscale("log")
    panel.set_yscale("log")
    _label(panel, "Objects of an image", "boxes in an image", "share of the images that have boxes, %")


def _draw_areas(panel: Any, counts: Mapping[str, Any], colour: str, name: str) -> None:
    histogram = counts["area_share"]
    total = sum(histogram["boxes"])
    if not total:
        return
    panel.stairs(
        100 * np.array(histogram["boxes"]) / total, histogram["edges"], color=colour, label=name, linewidth=1.4
    )
    panel.set_xscale("log")
    _label(panel, "Area of an object", "box area, share of the image (ten bins a decade)", "share of the boxes, %")


def _draw_centres(panel: Any, counts: Mapping[str, Any], name: str) -> None:
    boxes = np.array(counts["centres"]["boxes"], dtype=np.float64)
    # 1 is what every cell had if centres were even
    density = boxes / max(boxes.mean(), 1e-12)
    heatmap = panel.imshow(density, cmap="viridis", extent=(0, 1, 1, 0), vmin=0, interpolation="nearest")
    _label(panel, f"Box centres: {name}", "x, share of the width", "y, share of the height, from the top")
    panel.tick_params(labelsize=8)
    bar = panel.figure.colorbar(heatmap, ax=panel, shrink=0.85)
    bar.set_label("times the even share", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def _draw_classes(panel: Any, per_class: Mapping[str, Any], name: str) -> None:
    areas, boxes = np.array(per_class["mean_area_share"]), np.array(per_class["num_boxes"])
    visible = areas > 0  # a class of boxes without area has no place on a log axis
    panel.scatter(areas[visible], boxes[visible], s=10, color=_SUBSET, alpha=0.6, linewidths=0)
    if visible.any():
        panel.set_xscale("log")
        panel.set_yscale("log")
    _label(panel, f"Classes of {name}", "mean box area, share of the image", "boxes of the class")
