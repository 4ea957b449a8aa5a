"""Which classes are recognised: their average precision against the area and the number of their objects (paper, figure 2)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import bootstrap, rankdata

from objectcrop.runtime.randomness import generator
from objectcrop.study.jobs.report import ClassJob

PROPERTIES = {"mean_area_share": "area", "num_boxes": "objects"}
"""Columns of CLASS_STATISTICS, and what they are called in the analysis."""
NUM_GROUPS = 3
RESAMPLES = 2000


class Correlation(NamedTuple):
    """Spearman's rank correlation over classes, -1..1, and its 95% interval; None where one side is constant."""

    value: float | None
    low: float | None
    high: float | None


def values_of_rows(job: ClassJob, results: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, float | None]]]:
    """Return the average precision of each class, of every seed of every row, by the row's label, in the order of the rows.

    Args:
        job: which run and task each row is of.
        results: of the linear evaluations.

    Raises:
        KeyError: if one is missing.
    """
    found = {(result["run"], result["task"], result["seed"]): result["per_class"] for result in results}
    return {label: [found[job.runs[label], job.tasks[label], seed] for seed in job.seeds] for label in job.labels}


def class_table(
    per_class: Mapping[str, Sequence[Mapping[str, float | None]]], statistics: pd.DataFrame
) -> pd.DataFrame:
    """Return one row for each class that every run has a value of and that has a training box.

    Args:
        per_class: for each run, by its label, the average precision of each class in percent, of every seed; None for a class
            without a test image.
        statistics: CLASS_STATISTICS of the training split.

    Returns:
        Columns `class_id`, `name`, `num_boxes`, `mean_area_share`, and one for each label, the mean over the seeds; sorted by area.

    Raises:
        ValueError: if no class is left.
    """
    columns = {}
    for label, seeds in per_class.items():
        values = pd.DataFrame([dict(seed) for seed in seeds], dtype=np.float64)
        columns[label] = values.mean(axis=0, skipna=False)
    table = statistics.set_index("class_id")[["name", *PROPERTIES]].join(pd.DataFrame(columns), how="inner").dropna()
    table = table[(table["num_boxes"] > 0) & (table["mean_area_share"] > 0)]
    if table.empty:
        raise ValueError("no class has a training box and a test image: there is nothing to compare")
    return table.sort_values(["mean_area_share", "name"]).reset_index(names="class_id")


def correlate(table: pd.DataFrame, label: str, seed: int = 0) -> dict[str, Correlation]:
    """Return how a run's average precision goes with the area and the number of the objects of a class.

    Ranks are the same for a number and its logarithm. The interval is the percentile bootstrap over classes.

    Args:
        table: of `class_table`.
        label: of the run.
        seed: of the bootstrap.
    """
    return {word: _spearman(table[name].to_numpy(), table[label].to_numpy(), seed) for name, word in PROPERTIES.items()}


def group_by_area(table: pd.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return mean average precision of the classes of small, middle and large objects: groups of as many classes, by mean area."""
    groups = []
    for rows in np.array_split(np.arange(len(table)), min(NUM_GROUPS, len(table))):
        part = table.iloc[rows]
        areas = part["mean_area_share"]
        groups.append(
            {
                "num_classes": len(part),
                "mean_area_share": [float(areas.min()), float(areas.max())],
                "map": {label: float(part[label].mean()) for label in labels},
            }
        )
    return groups


def analyse_classes(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Return all of it as JSON values."""
    correlations = {
        label: {word: found._asdict() for word, found in correlate(table, label).items()} for label in labels
    }
    return {
        "labels": list(labels),
        "classes": table.to_dict("records"),
        "spearman": correlations,
        "by_area": group_by_area(table, labels),
    }


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> Correlation:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(None, None, None)
    ends = bootstrap(
        (x, y),
        _rank_correlation,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=RESAMPLES,
        batch=200,
        rng=generator(seed, "class-correlation"),
    ).bootstrap_distribution
    low, high = np.nanpercentile(ends, [2.5, 97.5])
    return Correlation(float(_rank_correlation(x, y)), float(low), float(high))


def _rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64], axis: int = -1) -> Any:
    """Spearman's correlation, scipy's `spearmanr` for many samples at once; NaN where a resample holds one value alone."""
    ranks = [rankdata(values, axis=axis) for values in (x, y)]
    a, b = (rank - rank.mean(axis=axis, keepdims=True) for rank in ranks)
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=axis) / np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
