"""Tables of the effect study (decision 0013) from what benchmarks/effect.py collected."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from results_parts.document import Table

from objectcrop.report.tables.intervals import Interval, seed_interval

Result = Mapping[str, Any]
SETTINGS = {
    "near-shared": "near, shared",
    "near-unique": "near, unique",
    "few-shared": "few, shared",
    "few-unique": "few, unique",
    "many-shared": "many, shared",
    "many-unique": "many, unique",
    "photographs": "photographs",
}
CROPS = {
    "random": "random initialisation",
    "supervised": "supervised",
    "scene": "scene crops",
    "small": "small scene crops",
    "lod": "object crops, LOD",
    "boxes": "random boxes of LOD's sizes",
    "gt": "object crops, annotated",
}
PLANNED_SEEDS = 3
CLAIM_SEEDS = 5


class Outcome(NamedTuple):
    """A number that runs are compared by: which probe, which metric of it."""

    label: str
    probe: str
    metric: str


OUTCOMES = (
    Outcome("objects, top-1", "objects", "top1"),
    Outcome("objects by neighbours, top-1", "neighbours", "top1"),
    Outcome("scenes, mAP", "scenes", "map"),
    Outcome("small", "scenes", "map_small"),
    Outcome("medium", "scenes", "map_medium"),
    Outcome("large", "scenes", "map_large"),
)
MAIN = OUTCOMES[0]
COMPARED = OUTCOMES[:3]
DIFFERENCES = (
    ("lod", "scene"),
    ("lod", "boxes"),
    ("gt", "scene"),
    ("gt", "boxes"),
    ("boxes", "scene"),
    ("small", "scene"),
    ("lod", "small"),
)


def by_seed(result: Result, setting: str, crops: str, outcome: Outcome) -> dict[int, float]:
    """Return the values of a run by seed, those that were measured."""
    rows = (row for row in result["results"] if (row["setting"], row["crops"]) == (setting, crops))
    probed = (row for row in rows if row["outcome"] == outcome.probe)
    return {
        row["seed"]: row["values"][outcome.metric] for row in probed if row["values"].get(outcome.metric) is not None
    }


def paired(result: Result, setting: str, crops: tuple[str, str], outcome: Outcome) -> list[float]:
    """Return one run minus another, of each seed that both have."""
    above, below = (by_seed(result, setting, name, outcome) for name in crops)
    return [above[seed] - below[seed] for seed in sorted(above.keys() & below.keys())]


def in_words(values: Sequence[float], sign: str = "") -> str:
    """Return mean, 95% interval over seeds and their number; empty if there is no value."""
    if not values:
        return ""
    found = seed_interval(values)
    ends = "" if found is None else f" ({found.low:{sign}.1f} to {found.high:{sign}.1f})"
    return f"{statistics.fmean(values):{sign}.1f}{ends}"


def measured(result: Result) -> list[str]:
    """Return the settings of which some run was measured."""
    found = {row["setting"] for row in result["results"]}
    return [setting for setting in SETTINGS if setting in found]


def tables(result: Result) -> list[Table]:
    """Return answers, differences, values, what trunks match, quality of boxes, and what of the plan was not measured."""
    made = [_answers(result), _differences(result), _values(result), _matches(result), _boxes(result), _open(result)]
    return [table for table in made if table.rows]


def _answers(result: Result) -> Table:
    rows = []
    for setting in measured(result):
        over_scene, over_boxes = (paired(result, setting, ("lod", other), MAIN) for other in ("scene", "boxes"))
        rows.append([SETTINGS[setting], *_answer(over_scene), *_answer(over_boxes)])
    return Table(
        "Do object crops pay?",
        ["scenes", "LOD - scene crops", "seeds", "", "LOD - random boxes", "seeds", ""],
        rows,
        [
            "Top-1 of single objects in points. Above or below: the 95% interval of the paired differences is on one side of 0."
        ],
        [f"A claim needs {CLAIM_SEEDS} seeds; with fewer the word says where it tends."],
    )


def _answer(differences: Sequence[float]) -> list[str]:
    found = seed_interval(differences)
    return [in_words(differences, "+"), str(len(differences)), "not measured" if not differences else verdict(found)]


def verdict(interval: Interval | None) -> str:
    """Return on which side of 0 an interval is."""
    if interval is None:
        return "one seed"
    return "above" if interval.low > 0 else "below" if interval.high < 0 else "open"


def _differences(result: Result) -> Table:
    rows = []
    for setting in measured(result):
        for above, below in DIFFERENCES:
            values = [paired(result, setting, (above, below), outcome) for outcome in COMPARED]
            if any(values):
                name = f"{CROPS[above]} - {CROPS[below]}"
                rows.append([SETTINGS[setting], name, str(len(values[0])), *(in_words(value, "+") for value in values)])
    about = "Differences in points, paired over seeds: mean, and Student's 95% interval of the mean."
    return Table(
        "Crops against crops", ["scenes", "", "seeds", *(outcome.label for outcome in COMPARED)], rows, [about]
    )


def _values(result: Result) -> Table:
    rows = []
    for setting in measured(result):
        for crops, label in CROPS.items():
            values = [list(by_seed(result, setting, crops, outcome).values()) for outcome in OUTCOMES]
            if any(values):
                rows.append([SETTINGS[setting], label, str(len(values[0])), *(in_words(value) for value in values)])
    about = "Percent: mean over seeds, and its 95% interval. small, medium, large: mAP of scenes by size of the object."
    return Table("All runs", ["scenes", "run", "seeds", *(outcome.label for outcome in OUTCOMES)], rows, [about])


def _matches(result: Result) -> Table:
    columns = ("by_scene", "by_background", "by_object", "object_over_background")
    rows = []
    for setting in measured(result):
        for crops, label in CROPS.items():
            found = [row["values"] for row in result["matches"] if (row["setting"], row["crops"]) == (setting, crops)]
            if found:
                means = (in_words([100 * values[name] for values in found]) for name in columns)
                rows.append([SETTINGS[setting], label, str(len(found)), *means])
    about = (
        "Percent of 400 test scenes, by the cosine of pooled features. Scene: of two crops of a scene, the second is the "
        "nearest to the first among all second ones. Background: the same with the objects left out. Object: a crop of an "
        "object is nearest to the same object before another background. Object before background: that one is nearer "
        "than the same crop of its own scene without the objects."
    )
    heads = ["scene", "background", "object", "object before background"]
    return Table("What a trunk takes for the same", ["scenes", "run", "seeds", *heads], rows, [about])


def _boxes(result: Result) -> Table:
    columns = {"corloc": "CorLoc %", "det_rate": "DetRate %", "mabo": "mABO %", "mean_area_share": "mean area share %"}
    rows = [
        [SETTINGS[row["setting"]], CROPS[row["source"]], *(f"{100 * row['values'][name]:.1f}" for name in columns)]
        for row in sorted(result["boxes"], key=lambda row: list(SETTINGS).index(row["setting"]))
    ]
    return Table(
        "Boxes without labels", ["scenes", "boxes", *columns.values()], rows, ["Against the annotated objects."]
    )


def _open(result: Result) -> Table:
    rows = []
    for setting in SETTINGS:
        counts = {label: len(by_seed(result, setting, crops, MAIN)) for crops, label in CROPS.items()}
        few = [f"{label} {count}" for label, count in counts.items() if count < PLANNED_SEEDS]
        if few:
            rows.append([SETTINGS[setting], "all runs" if not any(counts.values()) else ", ".join(few)])
    about = f"Runs of the plan with fewer than {PLANNED_SEEDS} seeds, and how many they have."
    return Table("Not measured", ["scenes", "runs"], rows, [about])
