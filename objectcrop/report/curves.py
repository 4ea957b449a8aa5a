"""Loss curves of the runs of a table."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

# Okabe and Ito's palette: told apart by people with any colour vision
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
PANELS = {
    "loss_contrastive": "contrastive loss (InfoNCE)",
    "accuracy_contrastive": "contrastive accuracy",
    "loss_rotation": "rotation loss (chance: ln 4 = 1.386)",
    "loss_localization": "localization loss",
    "loss": "supervised loss",
}


def draw_curves(summaries: Sequence[Mapping[str, Any]]) -> str:
    """An SVG with a panel for each loss that some run has, over the images seen.

    Args:
        summaries: summaries of the runs; a run without a history (nothing trained) is left out.
    """
    trained = [summary for summary in summaries if summary["history"]]
    names = [name for name in PANELS if any(_points(summary, name) for summary in trained)]
    figure, axes = plt.subplots(1, max(len(names), 1), figsize=(4.2 * max(len(names), 1), 3.2), squeeze=False)
    for panel, name in zip(axes[0], names, strict=False):
        for place, summary in enumerate(trained):
            points = _points(summary, name)
            if points:
                label = f"{summary['run']} s{summary['seed']}"
                panel.plot(*zip(*points, strict=True), color=PALETTE[place % len(PALETTE)], label=label, linewidth=1.4)
        panel.set_title(PANELS[name], fontsize=10)
        panel.set_xlabel("images seen", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(fontsize=7, frameon=False)
    if not names:
        axes[0][0].set_axis_off()
        axes[0][0].text(0.5, 0.5, "nothing was trained", ha="center")
    figure.tight_layout()
    buffer = io.StringIO()
    # no date and a fixed salt: the same numbers give the same bytes
    with matplotlib.rc_context({"svg.hashsalt": "objectcrop", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    return buffer.getvalue()


def _points(summary: Mapping[str, Any], name: str) -> list[tuple[float, float]]:
    rows = summary["history"]
    if name == "loss" and any("loss_contrastive" in row for row in rows):
        return []  # the sum of parts that have panels of their own
    return [(row["images_seen"], row[name]) for row in rows if row.get(name) is not None]
