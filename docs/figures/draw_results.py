"""Draw docs/figures/results.png: what was measured on drawn scenes, from benchmarks/results.

Run from the checkout: python docs/figures/draw_results.py
"""

import json
import re
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).parents[2]
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"
SOURCES = {
    "LOD, self features": "LOD",
    "the same without centring, as published (`lod-as-published`)": "LOD as published",
    "grid": "grid",
    "random, LOD's sizes": "random",
    "centre box": "centre box",
}
METHODS = {
    "MoCo-v2": "MoCo-v2",
    "DenseCL": "DenseCL",
    "SwAV": "SwAV",
    "InsDis, two views": "InsDis",
    "CMC": "CMC",
}


def table(name: str, index: int) -> dict[str, dict[str, str]]:
    """Return the cells of a recorded table by row and column."""
    result: dict[str, Any] = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text(encoding="utf-8"))
    chosen = result["tables"][index]
    return {row[0]: dict(zip(chosen["columns"], row, strict=True)) for row in chosen["rows"]}


def numbers(cell: str) -> list[float]:
    """Return all numbers of a cell."""
    return [float(value) for value in re.findall(r"\d+\.\d+", cell)]


def draw_sources(axes: Axes) -> None:
    """Draw DetRate of each source with its interval."""
    rows = table("proposals_drawn", 0)
    for place, (name, label) in enumerate(SOURCES.items()):
        value, low, high = numbers(rows[name]["DetRate %"])
        color = BLUE if label.startswith("LOD") else GREY
        axes.barh(place, value, color=color, height=0.65)
        axes.errorbar(value, place, xerr=[[value - low], [high - value]], color="black", capsize=3, linewidth=1)
        axes.text(high + 0.8, place, f"{value:.1f}", va="center", fontsize=9)
    axes.set_yticks(range(len(SOURCES)), SOURCES.values())
    axes.invert_yaxis()
    axes.set_xlim(0, 40)
    axes.set_title("Objects found by label-free boxes, %", fontsize=10)


def draw_methods(axes: Axes) -> None:
    """Draw mAP of scene pairs and object pairs, a dot for each of two processors."""
    rows = table("methods_drawn", 0)
    for place, name in enumerate(METHODS):
        for shift, color, column in ((-0.13, GREY, "scene-scene"), (0.13, ORANGE, "obj-obj+dilate (gt)")):
            values = numbers(rows[name][column])
            axes.plot(values, [place + shift] * len(values), "o-", color=color, label=column if place == 0 else None)
    axes.axvline(max(numbers(rows["random initialisation"]["scene-scene"])), color="black", linestyle=":", linewidth=1)
    axes.text(14.6, len(METHODS) - 0.45, "random initialisation", fontsize=8)
    axes.set_yticks(range(len(METHODS)), METHODS.values())
    axes.set_ylim(len(METHODS) - 0.3, -0.5)
    axes.legend(["scene crops", "object crops"], fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.12))
    axes.set_title("Linear evaluation, mAP in %", fontsize=10)


def main() -> None:
    """Draw the figure."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 2.7), layout="constrained")
    draw_sources(left)
    draw_methods(right)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    figure.savefig(Path(__file__).with_name("results.png"), dpi=110)


if __name__ == "__main__":
    main()
