"""Figures of a subset: images of each class, objects of an image, their areas and places, beside the data set selected from."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.ticker import MaxNLocator

from objectcrop.report.figures.folder import PALETTE, STYLE, Figure, new_figure
from objectcrop.report.figures.scales import log_scale

_SUBSET, _BASE = PALETTE[0], PALETTE[4]
HEIGHT_IN = 2.8


class Part(NamedTuple):
    """A data set: its name, its counts, its colour."""

    name: str
    counts: Mapping[str, Any]
    colour: str


def subset_figures(statistics: Mapping[str, Any]) -> list[Figure]:
    """Draw six figures; where both data sets are in one, the subset is blue and the other orange.

    Args:
        statistics: what `measure_subset` writes to statistics.json.
    """
    base = Part(str(statistics["base"]), statistics["base_counts"], _BASE)
    subset = Part(str(statistics["dataset"]), statistics["subset_counts"], _SUBSET)
    both = [base, subset]
    with matplotlib.rc_context(STYLE):
        return [
            _figure("images", "How many images has a class?", _images_per_class, both, "training images of each class"),
            _figure("objects", "How many objects has an image?", _objects_per_image, both, "boxes of an image"),
            _figure("areas", "How large are objects?", _areas, both, "areas of boxes"),
            _figure("places", f"Where are the objects of {subset.name}?", _centres, [subset], "centres of boxes"),
            _figure("base-places", f"Where are those of {base.name}?", _centres, [base], "centres of boxes"),
            _class_figure(statistics["per_class"], subset.name),
        ]


def _figure(name: str, question: str, draw: Callable[[Any, Part], None], parts: list[Part], shown: str) -> Figure:
    drawn, panel = new_figure(HEIGHT_IN)
    for part in parts:
        draw(panel, part)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(handlelength=1.2, borderaxespad=0.2)
    alt = f"Distribution of the {shown}: {' and '.join(part.name for part in parts)}."
    return Figure(name, question, f"The {shown}.", alt, drawn)


def _label(panel: Any, x: str, y: str) -> None:
    panel.set_xlabel(x)
    panel.set_ylabel(y)


def _images_per_class(panel: Any, part: Part) -> None:
    images = part.counts["images_per_class"]
    label = f"{part.name} ({len(images)} classes)"
    panel.plot(range(1, len(images) + 1), images, color=part.colour, label=label)
    log_scale(panel.yaxis)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    _label(panel, "classes, most common first", "training images")


def _objects_per_image(panel: Any, part: Part) -> None:
    histogram = part.counts["objects_per_image"]
    if not histogram["objects"]:
        return
    shares = np.array(histogram["images"]) / sum(histogram["images"])
    panel.plot(histogram["objects"], 100 * shares, color=part.colour, label=part.name, marker=".", markersize=4)
    log_scale(panel.xaxis)
    log_scale(panel.yaxis)
    _label(panel, "boxes in an image", "share of images, %")


def _areas(panel: Any, part: Part) -> None:
    histogram = part.counts["area_share"]
    total = sum(histogram["boxes"])
    if not total:
        return
    shares = 100 * np.array(histogram["boxes"]) / total
    panel.stairs(shares, histogram["edges"], color=part.colour, label=part.name, linewidth=1.4)
    log_scale(panel.xaxis)
    _label(panel, "box area, share of the image", "share of boxes, %")


def _centres(panel: Any, part: Part) -> None:
    boxes = np.array(part.counts["centres"]["boxes"], dtype=np.float64)
    # 1 is what every cell had if centres were even
    density = boxes / max(boxes.mean(), 1e-12)
    heatmap = panel.imshow(density, cmap="viridis", extent=(0, 1, 1, 0), vmin=0, interpolation="nearest")
    _label(panel, "x, share of the width", "y, from the top")
    panel.figure.colorbar(heatmap, ax=panel, shrink=0.9).set_label("times the even share")


def _class_figure(per_class: Mapping[str, Any], name: str) -> Figure:
    drawn, panel = new_figure(HEIGHT_IN)
    areas, boxes = np.array(per_class["mean_area_share"]), np.array(per_class["num_boxes"])
    visible = areas > 0  # a class of boxes without area has no place on a log axis
    panel.scatter(areas[visible], boxes[visible], s=10, color=_SUBSET, alpha=0.6, linewidths=0)
    if visible.any():
        log_scale(panel.xaxis)
        log_scale(panel.yaxis)
    _label(panel, "mean box area, share of the image", "boxes of the class")
    caption = "The axes of the paper's figure 2: mean area and number of boxes of each class."
    return Figure("classes", f"Which classes has {name}?", caption, f"{len(boxes)} classes by area and boxes.", drawn)
