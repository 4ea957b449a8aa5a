"""What a drawn data set holds, in numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from objectcrop.data.drawn.classes import drawn_classes
from objectcrop.study.settings.datasets import DrawnDataset

Records = Mapping[str, Sequence[Mapping[str, Any]]]


def summarize_records(records: Records, settings: DrawnDataset) -> dict[str, Any]:
    """Return counts per split and class, objects per scene, and box areas over the scene's area."""
    names = [kind.name for kind in drawn_classes(settings.num_classes, settings.class_cue)]
    return {split: _summarize(scenes, names, settings) for split, scenes in records.items()}


def _summarize(scenes: Sequence[Mapping[str, Any]], names: Sequence[str], settings: DrawnDataset) -> dict[str, Any]:
    things = [thing for scene in scenes for thing in scene["objects"]]
    boxes = np.array([thing["box"] for thing in things], dtype=float)
    shares = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (settings.width_px * settings.height_px)
    per_class = Counter(names[thing["class_index"]] for thing in things)
    showing = Counter(names[k] for scene in scenes for k in {thing["class_index"] for thing in scene["objects"]})
    return {
        "num_scenes": len(scenes),
        "num_objects": len(things),
        "objects_per_scene": len(things) / len(scenes),
        "box_area_share_median": float(np.median(shares)),
        "box_area_share_mean": float(shares.mean()),
        "occluded_share": sum(thing["is_occluded"] for thing in things) / len(things),
        "truncated_share": sum(thing["is_truncated"] for thing in things) / len(things),
        "objects_of_class": {name: per_class[name] for name in names},
        "scenes_with_class": {name: showing[name] for name in names},
        "scenes_of_type": dict(sorted(Counter(str(scene["scene_type"]) for scene in scenes).items())),
    }
