"""What a finished training leaves in its summary: settings, cost, history."""

from collections.abc import Mapping, Sequence
from typing import Any

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.training.metrics import REJECTED
from objectcrop.ssl.training.recipe import RECIPE
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash

MAX_HISTORY = 200
MONITORED = ("images_seen", "feature_std_share", "effective_rank", "accuracy_knn", "accuracy_knn_chance")


def summary_of(
    name: str, run: Run, seeds: Seeds, features: str, seconds: float, history: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the summary of a run, but for what depends on its samples and its device.

    Args:
        name: of the run.
        run: its settings.
        seeds: of the study and of the run.
        features: which labels, if any, its features come from.
        seconds: that it took.
        history: all lines of the metrics; none for a run that is not trained.
    """
    num_images = int(history[-1]["images_seen"]) if history else 0
    rate = num_images / seconds if num_images else 0.0
    every = -(-len(history) // MAX_HISTORY) if history else 1
    # counted from the end, so that the last line is in
    thinned = [dict(row) for row in history[::-1][::every]][::-1]
    rows = [row for row in history if "effective_rank" in row]
    rows = rows[:: -(-len(rows) // MAX_HISTORY) or 1]
    monitored = [{name: row[name] for name in MONITORED if name in row} for row in rows]
    settings = recorded(run)
    return {
        "run": name,
        "seed": seeds.run,
        "study_seed": seeds.study,
        "settings": settings,
        "settings_hash": settings_hash(settings),
        "recipe": RECIPE,
        "features": features,
        "precision": None,
        "cost": {"seconds": seconds, "images_seen": num_images, "images_per_s": rate},
        "final": dict(history[-1]) if history else {},
        "history": thinned,
        "monitored": monitored,
    }


def rejected_per_epoch(history: Sequence[Mapping[str, float]], num_epochs: int) -> float:
    """Return how many images of an epoch the decoder rejected, so that Pillow decoded them: the mean over all epochs."""
    total, before = 0.0, 0.0
    for row in history:
        total += row.get(REJECTED, 0.0) * (row["images_seen"] - before)
        before = row["images_seen"]
    return round(total) / num_epochs if num_epochs else 0.0
