"""Rows against the row that they are to be compared with: which differ by more than their intervals."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from objectcrop.report.tables.cells import Cell
from objectcrop.report.tables.differences import independent_interval
from objectcrop.report.tables.intervals import Interval as IntervalOver
from objectcrop.report.tables.intervals import seed_interval
from objectcrop.study.jobs.report import Crops

Interval = tuple[float, float]
"""Lower and upper end."""
Verdict = Literal["above", "below", "unclear", "unknown"]
NOT_SEARCHED = ("random boxes", "boxes without a search")
TRAINED_ON_VIEWS = ("scene", "objects", *NOT_SEARCHED)
"""Crops of runs that learn from pairs of views."""


class Contrast(NamedTuple):
    """A row minus its control.

    Attributes:
        row: label.
        control: label.
        value: of the means.
        of_images: 95% interval over the test images; None where a row has none.
        of_seeds: 95% interval over trainings, paired by seed (Student's t); None for one seed.
        num_seeds: that both rows have.
        is_stale: whether a value is not what the study would measure now.
    """

    row: str
    control: str
    value: float
    of_images: Interval | None
    of_seeds: Interval | None
    num_seeds: int
    is_stale: bool

    @property
    def verdict(self) -> Verdict:
        """Whether the difference is beyond all intervals that are known; unknown if none is."""
        known = [ends for ends in (self.of_images, self.of_seeds) if ends is not None]
        if not known:
            return "unknown"
        if all(low > 0 for low, _ in known):
            return "above"
        return "below" if all(high < 0 for _, high in known) else "unclear"


def judged_column(table: Mapping[str, Any]) -> int | None:
    """Return the place of the column that rows are compared by: the first that is measured in two rows; None if none is."""
    for place in range(len(table["rows"][0]["cells"]) if table["rows"] else 0):
        cells = [row["cells"][place] for row in table["rows"]]
        if sum(bool(cell["measured"]) and not cell["is_difference"] for cell in cells) > 1:
            return place
    return None


def measured_cells(table: Mapping[str, Any], column: int) -> dict[str, Mapping[str, Any]]:
    """Return the cells of a column that were measured, without differences of rows, by label."""
    cells = {row["label"]: row["cells"][column] for row in table["rows"]}
    return {label: cell for label, cell in cells.items() if cell["measured"] and not cell["is_difference"]}


def control_of(table: Mapping[str, Any], column: int, crops: Mapping[str, Crops]) -> str | None:
    """Return the label of the row that the others are compared with: the first whose crops are of scenes, else the first.

    Args:
        table: as `rendering.as_json` gives it.
        column: see `judged_column`.
        crops: where those of each run come from.
    """
    measured = measured_cells(table, column)
    scenes = [label for label, cell in measured.items() if crops.get(cell["run"]) == "scene"]
    return next(iter([*scenes, *measured]), None)


def contrasts_of(
    table: Mapping[str, Any], column: int, crops: Mapping[str, Crops], methods: Mapping[str, str]
) -> list[Contrast]:
    """Return every measured row minus its control: the row of scene crops of its own method, nearest above, else `control_of`.

    Args:
        table: as `rendering.as_json` gives it.
        column: see `judged_column`.
        crops: where those of each run come from.
        methods: of each run.
    """
    measured = measured_cells(table, column)
    usual, scenes, found = control_of(table, column, crops), dict[str, str](), []
    for label, cell in measured.items():
        own = crops.get(cell["run"])
        control = scenes.get(methods.get(cell["run"], "")) if own in TRAINED_ON_VIEWS else None
        if own == "scene":
            scenes[methods[cell["run"]]] = label
        control = control or usual
        if control is not None and control != label:
            found.append(contrast(label, control, measured))
    return found


def contrast(row: str, control: str, cells: Mapping[str, Mapping[str, Any]]) -> Contrast:
    """Return one row minus another, which were measured with the same seeds."""
    above, below = cells[row], cells[control]
    differences = [one - other for one, other in zip(above["measured"], below["measured"], strict=True)]
    of_images, of_seeds = difference_over_images(above, below), interval_over_seeds(differences)
    is_stale = bool(above["stale"] or below["stale"])
    return Contrast(row, control, statistics.fmean(differences), of_images, of_seeds, len(differences), is_stale)


def interval_over_seeds(differences: Sequence[float]) -> Interval | None:
    """Return the 95% interval of the mean of differences, one a seed (see `seed_interval`)."""
    found = seed_interval(differences)
    return None if found is None else (found.low, found.high)


def difference_over_images(above: Mapping[str, Any], below: Mapping[str, Any]) -> Interval | None:
    """Return the interval over the test images of one cell's mean minus another's (see `independent_interval`)."""
    high, low = image_interval(above), image_interval(below)
    if high is None or low is None:
        return None
    found = independent_interval([_valued(above, high)], [_valued(below, low)])
    return None if found is None else (found.low, found.high)


def _valued(values: Mapping[str, Any], ends: Interval) -> Cell:
    return Cell(tuple(values["measured"]), image_interval=IntervalOver(*ends, "images"))


def image_interval(cell: Mapping[str, Any]) -> Interval | None:
    """Return the interval of a cell's mean over the test images; None if it states none, or one over something else."""
    ends = cell.get("image_interval", cell["interval"] if cell.get("interval_over", "images") == "images" else None)
    return None if ends is None else (ends[0], ends[1])
