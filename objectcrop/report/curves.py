"""Curves of the runs of a table: losses, and what shows whether the features collapse."""

import io
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

# Okabe and Ito's palette: distinct with any colour vision
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
PANELS = {
    "loss_contrastive": "contrastive loss (InfoNCE)",
    "accuracy_contrastive": "contrastive accuracy",
    "loss_rotation": "rotation loss (chance: ln 4 = 1.386)",
    "accuracy_rotation": "rotation accuracy (dotted: chance)",
    "loss_localization": "localization loss",
    "accuracy_localization": "localization accuracy (dotted: one answer a cell)",
    "loss_instance": "instance loss (InsDis)",
    "loss_dense": "dense contrastive loss (DenseCL)",
    "loss_prediction": "prediction loss (BYOL)",
    "loss_swapped": "swapped prediction loss (SwAV)",
    "loss": "supervised loss",
    "feature_std_share": "spread of the features (1: even)",
    "effective_rank": "effective rank of the features",
    "accuracy_knn": "accuracy of a kNN vote (dotted: chance)",
}
# Sources of the signs: MoCo issue 28, DenseCL issue 6, byol-pytorch issue 44, SwAV's README.
HINTS = {
    "loss_contrastive": "MoCo-v2 rises at first, then falls slowly (ImageNet,\nK 65,536: 9.6 to 10.3, 6.57 after 200 epochs)",
    "loss_dense": "DenseCL on COCO rises at first: both halves\ntogether 8.7, 9.7 after 150 steps",
    "loss_prediction": "below 0.01: collapsed",
    "loss_swapped": "stuck at ln(prototypes), 8.006 for 3,000: collapsed;\n"
    "more prototypes than dimensions, lower epsilon,\nfreeze longer",
    "feature_std_share": "towards 0: all images are encoded alike, collapsed",
    "effective_rank": "towards 1: one direction is left, collapsed",
    "accuracy_knn": "at chance: features say nothing of the classes",
}
CHANCE = {name: f"{name}_chance" for name in ("accuracy_knn", "accuracy_rotation", "accuracy_localization")}
MONITORED = ("feature_std_share", "effective_rank", "accuracy_knn", "accuracy_knn_chance")
COLUMNS = 4


def draw_curves(summaries: Sequence[Mapping[str, Any]]) -> str:
    """Draw an SVG with a panel for each loss or monitor that some run has, over the images seen, and signs of failure.

    Args:
        summaries: summaries of the runs; a run without a history (nothing trained) is left out.
    """
    trained = [summary for summary in summaries if summary["history"]]
    names = [name for name in PANELS if any(_points(summary, name) for summary in trained)]
    columns = min(max(len(names), 1), COLUMNS)
    num_rows = -(-max(len(names), 1) // columns)
    figure, grid = plt.subplots(num_rows, columns, figsize=(4.2 * columns, 3.5 * num_rows), squeeze=False)
    for panel, name in zip_longest(grid.flat, names):
        if name is None:
            panel.set_axis_off()
        else:
            _draw_panel(panel, name, trained)
    if not names:
        grid[0][0].text(0.5, 0.5, "nothing was trained", ha="center")
    figure.tight_layout()
    return as_svg(figure)


def as_svg(figure: Any) -> str:
    """Return a figure as SVG, and close it: the same numbers give the same bytes."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "objectcrop", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    return buffer.getvalue()


def _draw_panel(panel: Any, name: str, trained: Sequence[Mapping[str, Any]]) -> None:
    for place, summary in enumerate(trained):
        color = PALETTE[place % len(PALETTE)]
        if points := _points(summary, name):
            label = f"{summary['run']} s{summary['seed']}"
            # few points are drawn as dots
            marker = "o" if name in MONITORED else None
            panel.plot(*zip(*points, strict=True), color=color, label=label, linewidth=1.4, marker=marker, markersize=3)
        if name in CHANCE and (points := _points(summary, CHANCE[name])):
            # above the runs: at chance it would be under them
            panel.plot(*zip(*points, strict=True), color="#333333", linewidth=1, linestyle=":", zorder=3)
    panel.set_title(PANELS[name], fontsize=10)
    panel.set_xlabel("\n".join(["images seen", *filter(None, [HINTS.get(name)])]), fontsize=8)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=7, frameon=False)


def _points(summary: Mapping[str, Any], name: str) -> list[tuple[float, float]]:
    rows = summary.get("monitored", []) if name in MONITORED else summary["history"]
    if name == "loss" and any(key.startswith("loss_") for row in rows for key in row):
        return []  # the sum of parts that have panels of their own
    return [(row["images_seen"], row[name]) for row in rows if row.get(name) is not None]
