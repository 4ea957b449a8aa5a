"""Figures of the class analysis: average precision of each class over the area, and over the number, of its objects."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd

from objectcrop.report.class_analysis import PROPERTIES, Correlation
from objectcrop.report.figures.folder import PALETTE, STYLE, Figure, new_figure
from objectcrop.report.figures.labels import End, label_ends
from objectcrop.report.figures.scales import log_scale

ASKED = {
    "mean_area_share": ("Are classes of large objects recognised better?", "mean box area, share of the image"),
    "num_boxes": ("Are classes of many objects recognised better?", "training boxes of the class"),
}
RUNNING = 15
"""Classes of a running mean; of few classes a third of them."""


def class_figures(
    table: pd.DataFrame, labels: Sequence[str], correlations: Mapping[str, Mapping[str, Correlation]]
) -> list[Figure]:
    """Draw a figure for each property of the classes: a dot for each class and run, and the running mean of each run.

    Args:
        table: of `class_table`.
        labels: of the runs.
        correlations: of `correlate`, by label.
    """
    with matplotlib.rc_context(STYLE):
        return [_figure(table, labels, correlations, name) for name in PROPERTIES]


def _figure(
    table: pd.DataFrame, labels: Sequence[str], correlations: Mapping[str, Mapping[str, Correlation]], name: str
) -> Figure:
    (question, axis), word = ASKED[name], PROPERTIES[name]
    drawn, panel = new_figure(max(2.6, 0.8 + 0.36 * len(labels)))
    ordered, width = table.sort_values(name), min(RUNNING, max(len(table) // 3, 1))
    ends = []
    for label, colour in zip(labels, PALETTE, strict=False):
        x, y = ordered[name].to_numpy(), ordered[label].to_numpy()
        panel.scatter(x, y, s=9, color=colour, alpha=0.45, linewidths=0)
        means = [np.convolve(values, np.ones(width) / width, mode="valid") for values in (np.log(x), y)]
        panel.plot(np.exp(means[0]), means[1], color=colour)
        ends.append(End(label, colour, float(np.exp(means[0][-1])), float(means[1][-1])))
    log_scale(panel.xaxis)
    panel.set_xlabel(axis)
    panel.set_title("average precision, %", loc="left")
    drawn.draw_without_rendering()
    label_ends(panel, ends)
    said = "; ".join(f"{label} {_words(correlations[label][word])}" for label in labels)
    caption = (
        f"Dots: classes; lines: means of {width} neighbours. Spearman's correlation with its 95% interval "
        f"over classes: {said}."
    )
    return Figure(word, question, caption, f"Average precision of {len(table)} classes over the {axis}.", drawn)


def _words(found: Correlation) -> str:
    return "–" if found.value is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
