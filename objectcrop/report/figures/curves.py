"""Curves of the runs of a table, a figure for each question: losses, and what shows whether the features collapse."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib import ticker
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from objectcrop.report.figures.folder import PALETTE, STYLE, Figure, new_figure
from objectcrop.report.figures.labels import End, label_ends
from objectcrop.report.figures.scales import short

Values = NDArray[np.float64]
SMOOTHED_SHARE = 0.05
"""Share of a run that a point of a smoothed curve is the mean of."""


class Asked(NamedTuple):
    """A question that a logged value answers.

    Attributes:
        question: of the figure.
        axis: what the value is.
        hint: what to look out for; sources: MoCo issue 28, DenseCL issue 6, byol-pytorch issue 44, SwAV's README.
    """

    question: str
    axis: str
    hint: str = ""


ASKED = {
    "loss_contrastive": Asked(
        "Does the contrastive loss fall?",
        "InfoNCE loss",
        "MoCo-v2 rises at first, then falls slowly (ImageNet, K 65,536: 9.6 to 10.3, 6.57 after 200 epochs).",
    ),
    "accuracy_contrastive": Asked("Is the other view recognised among the negatives?", "contrastive accuracy"),
    "loss_instance": Asked("Does the loss of InsDis fall?", "instance loss"),
    "loss_dense": Asked(
        "Does the dense loss fall?",
        "dense contrastive loss",
        "DenseCL on COCO rises at first: both halves together 8.7, 9.7 after 150 steps.",
    ),
    "loss_prediction": Asked("Does BYOL's loss fall?", "prediction loss", "Below 0.01: collapsed."),
    "loss_swapped": Asked(
        "Does SwAV's loss fall?",
        "swapped prediction loss",
        "Stuck at ln(prototypes), 8.006 for 3,000: collapsed; more prototypes than dimensions, lower epsilon, freeze longer.",
    ),
    "loss": Asked("Does the supervised loss fall?", "supervised loss"),
    "accuracy_rotation": Asked("Is the relative rotation learned?", "rotation accuracy"),
    "accuracy_localization": Asked("Is the place of the crop learned?", "localization accuracy"),
    "feature_std_share": Asked(
        "Are images still encoded apart?",
        "spread of the features, 1 is even",
        "Towards 0: all images are encoded alike, collapsed.",
    ),
    "effective_rank": Asked(
        "How many directions do the features use?",
        "effective rank",
        "Towards 1: one direction is left, collapsed.",
    ),
    "accuracy_knn": Asked(
        "Do neighbours share a class?",
        "accuracy of a kNN vote",
        "At chance: the features say nothing of the classes.",
    ),
}
CHANCE = {name: f"{name}_chance" for name in ("accuracy_knn", "accuracy_rotation", "accuracy_localization")}
MONITORED = ("feature_std_share", "effective_rank", "accuracy_knn", "accuracy_knn_chance")


class Curve(NamedTuple):
    """A run's value over the images seen, shape (N,): mean, lowest and highest of its seeds, smoothed; `raw` of a single seed."""

    images: Values
    mean: Values
    low: Values
    high: Values
    raw: Values | None


def curve_figures(summaries: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Draw a figure for each value that some run has logged, over the images seen.

    Args:
        summaries: summaries of the runs, every seed; a run without a history (nothing trained) is left out.
    """
    runs: dict[str, list[Mapping[str, Any]]] = {}
    for summary in summaries:
        if summary["history"]:
            runs.setdefault(str(summary["run"]), []).append(summary)
    figures = []
    with matplotlib.rc_context(STYLE):
        for name, asked in ASKED.items():
            found = {run: curve for run, seeds in runs.items() if (curve := curve_of(seeds, name)) is not None}
            if found:
                chance = [curve_of(seeds, CHANCE[name]) for seeds in runs.values()] if name in CHANCE else []
                colours = {run: PALETTE[place % len(PALETTE)] for place, run in enumerate(runs)}
                figures.append(_figure(name, asked, found, [curve for curve in chance if curve], colours))
    return figures


def curve_of(seeds: Sequence[Mapping[str, Any]], name: str) -> Curve | None:
    """Return a value of one run; None if it was not logged.

    Seeds are taken at the images seen of the first one.
    """
    rows = [points for seed in seeds if len((points := _points(seed, name))[0])]
    if not rows:
        return None
    images = rows[0][0]
    raw = np.stack([np.interp(images, *row) for row in rows])
    smooth = np.stack([smoothed(row) for row in raw])
    alone = raw[0] if len(raw) == 1 else None
    return Curve(images, smooth.mean(axis=0), smooth.min(axis=0), smooth.max(axis=0), alone)


def smoothed(values: Values) -> Values:
    """Return the running mean over `SMOOTHED_SHARE` of the values; at the ends the line that fits as many of them best."""
    width = _width(len(values))
    return values if width == 1 else np.asarray(savgol_filter(values, width, polyorder=1), dtype=np.float64)


def _width(num_values: int) -> int:
    return 2 * round(SMOOTHED_SHARE * num_values / 2) + 1


def _figure(
    name: str, asked: Asked, curves: Mapping[str, Curve], chance: Sequence[Curve], colours: Mapping[str, str]
) -> Figure:
    drawn, panel = new_figure(max(2.3, 0.9 + 0.26 * len(curves)))
    for curve in chance:
        panel.plot(curve.images, curve.mean, color="#333333", linewidth=1, linestyle=":", zorder=3)
    for run, curve in curves.items():
        marker = "o" if len(curve.images) <= 12 else None  # few points are drawn as dots
        panel.fill_between(curve.images, curve.low, curve.high, color=colours[run], alpha=0.2, linewidth=0)
        if curve.raw is not None and marker is None:
            panel.plot(curve.images, curve.raw, color=colours[run], alpha=0.3, linewidth=0.6)
        panel.plot(curve.images, curve.mean, color=colours[run], marker=marker, markersize=3, clip_on=False)
    panel.set_xlim(0, max(curve.images[-1] for curve in curves.values()))
    panel.set_xlabel("images seen")
    panel.set_title(asked.axis, loc="left")
    panel.locator_params(nbins=4)
    panel.xaxis.set_major_formatter(ticker.FuncFormatter(short))
    drawn.draw_without_rendering()
    label_ends(
        panel,
        [End(run, colours[run], *map(float, (curve.images[-1], curve.mean[-1]))) for run, curve in curves.items()],
    )
    dotted = " Dark and dotted: chance." if chance else ""
    many = any(curve.raw is None for curve in curves.values())
    bands = " Bands: from the lowest to the highest seed." if many else ""
    ends = "; ".join(f"{run} {curve.mean[0]:.3g} to {curve.mean[-1]:.3g}" for run, curve in curves.items())
    is_smooth = any(_width(len(curve.images)) > 1 for curve in curves.values())
    smooth = f" Smoothed over {100 * SMOOTHED_SHARE:.0f}% of the run." if is_smooth else ""
    caption = f"{asked.hint}{dotted}{bands}{smooth}".strip()
    alt = f"{asked.axis} over the images seen, from the first to the last point: {ends}."
    return Figure(name.replace("_", "-"), asked.question, caption, alt, drawn)


def _points(summary: Mapping[str, Any], name: str) -> tuple[Values, Values]:
    rows = summary.get("monitored", []) if name in MONITORED else summary["history"]
    if name == "loss" and any(key.startswith("loss_") for row in rows for key in row):
        rows = []  # the sum of parts that have figures of their own
    found = [(row["images_seen"], row[name]) for row in rows if row.get(name) is not None]
    images, values = np.array(found, dtype=np.float64).reshape(-1, 2).T
    return images, values
