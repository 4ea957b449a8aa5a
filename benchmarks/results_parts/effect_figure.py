"""The figure of the effect study: what crops gain over scene crops, by size of the objects and kind of background."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from results_parts.effect import MAIN, paired

from objectcrop.report.tables.intervals import seed_interval

SCENES = {"near": "one,\nhalf of it", "few": "two,\na fifth each", "many": "four,\n6% each"}
SERIES = {
    "gt": ("annotated boxes", "#009e73"),
    "lod": ("LOD", "#0072b2"),
    "boxes": ("random boxes of LOD's sizes", "#999999"),
    "small": ("small scene crops", "#d55e00"),
}
PAPER_GAIN = 58.6 - 49.8
"""Table 2 of the paper: MoCo-v2 on OHMS, obj-obj+dilate minus scene-scene, mAP."""


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the figure as SVG; the same results give the same bytes with the same matplotlib."""
    plt.rcParams.update({"svg.hashsalt": "effect", "svg.fonttype": "none", "font.size": 10})
    figure, both = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained", sharey=True)
    for axes, background in zip(both, ("shared", "unique"), strict=True):
        _draw_gains(axes, result, background)
        axes.spines[["top", "right"]].set_visible(False)
    both[0].set_ylabel("gain over scene crops,\ntop-1 of single objects, points")
    end = len(SCENES) - 0.52
    both[1].annotate("the paper's gain (OHMS, mAP)", (end, PAPER_GAIN), (0, 3), textcoords="offset points", ha="right")
    handles = {name: line for axes in both for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=len(SERIES), frameon=False, fontsize=9
    )
    figure.savefig(path, metadata={"Date": None})


def _draw_gains(axes: Axes, result: dict[str, Any], background: str) -> None:
    for place, scenes in enumerate(SCENES):
        for number, (crops, (label, color)) in enumerate(SERIES.items()):
            gains = paired(result, f"{scenes}-{background}", (crops, "scene"), MAIN)
            if not gains:
                continue
            x, mean, interval = place + 0.14 * (number - 1.5), statistics.fmean(gains), seed_interval(gains)
            axes.plot([x] * len(gains), gains, ".", color=color, markersize=3, alpha=0.5)
            reach = None if interval is None else [[mean - interval.low], [interval.high - mean]]
            axes.errorbar(x, mean, yerr=reach, fmt="o", color=color, capsize=3, markersize=5, label=label)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(PAPER_GAIN, color="black", linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(SCENES)), SCENES.values())
    axes.set_xlim(-0.5, len(SCENES) - 0.5)
    axes.set_xlabel("objects in a scene, share of its area")
    axes.set_title(f"{background} backgrounds", fontsize=10)
