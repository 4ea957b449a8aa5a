"""The figure of the class analysis: average precision of each class over the area, and over the number, of its objects."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from objectcrop.report.class_analysis import PROPERTIES, Correlation
from objectcrop.report.curves import PALETTE, as_svg

AXES = {
    "mean_area_share": "mean box area of the class, share of the image",
    "num_boxes": "training boxes of the class",
}
RUNNING = 15
"""Classes of a running mean."""


def draw_classes(
    table: pd.DataFrame, labels: Sequence[str], correlations: Mapping[str, Mapping[str, Correlation]]
) -> str:
    """Draw an SVG with two panels: a dot for each class and run, and the running mean of each run.

    Args:
        table: of `class_table`.
        labels: of the runs.
        correlations: of `correlate`, by label.
    """
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    for panel, (name, word) in zip(panels, PROPERTIES.items(), strict=True):
        ordered = table.sort_values(name)
        for label, colour in zip(labels, PALETTE, strict=False):
            x, y = ordered[name].to_numpy(), ordered[label].to_numpy()
            panel.scatter(x, y, s=9, color=colour, alpha=0.45, linewidths=0)
            width = min(RUNNING, len(x))
            means = [np.convolve(values, np.ones(width) / width, mode="valid") for values in (np.log(x), y)]
            text = f"{label}: ρ {_words(correlations[label][word])}"
            panel.plot(np.exp(means[0]), means[1], color=colour, linewidth=1.6, label=text)
        panel.set_xscale("log")
        panel.set_xlabel(AXES[name], fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(fontsize=8, frameon=False)
    panels[0].set_ylabel(f"average precision, % (lines: means of {RUNNING} classes)", fontsize=9)
    figure.tight_layout()
    return as_svg(figure)


def _words(found: Correlation) -> str:
    return "–" if found.value is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
