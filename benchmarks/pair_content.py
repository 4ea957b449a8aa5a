"""What the crops of the effect study's pairs have in common; prints a table and writes benchmarks/results/pair_content.json.

For decision 0013: 300 scenes of each setting with shared backgrounds of presets/effect.yaml, three pairs each, by the views of the
preset's runs. Boxes are the annotated ones, or boxes of their sizes at random places. Nothing is drawn or trained; some seconds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from first_run_parts.recorded import versions
from results_parts.record import record

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.data.drawn.masks import visible_objects
from objectcrop.data.drawn.plan import plan_scene
from objectcrop.proposals.sources.without_search import scatter_boxes
from objectcrop.runtime.randomness import generator
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.content import measure_pairs
from objectcrop.views.plan import plan_pair

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ("near", "few", "many")
CROPS = {"scene": "scene", "small": "small scene", "gt": "object, annotated", "boxes": "random boxes"}
NUM_SCENES, NUM_PAIRS, OBJECT_SCALE_MIN = 300, 3, 0.2


def pairs(dataset: DrawnDataset, views: ViewSettings, *, is_scattered: bool) -> Iterator[tuple[Any, Any, Boxes, Size]]:
    """Plan the pairs of the first scenes: crops of query and key, objects, size."""
    size = Size(dataset.width_px, dataset.height_px)
    for index in range(NUM_SCENES):
        _, layout = plan_scene(dataset, generator(dataset.seed, "drawn", "train", index))
        objects = as_boxes([thing.box for thing in visible_objects(layout)])
        boxes = scatter_boxes(objects, size, generator(0, "scattered", index)) if is_scattered else objects
        for number in range(NUM_PAIRS):
            rng = generator(0, "pair content", index, number)
            query, key = plan_pair(boxes, size, views, OBJECT_SCALE_MIN, rng)
            yield query.crop_box, key.crop_box, objects, size


def main() -> None:
    study = load_plan(yaml.safe_load((ROOT / "presets/effect.yaml").read_text(encoding="utf-8"))).study
    rows = []
    for setting in SETTINGS:
        dataset = study.datasets[f"{setting}-shared"]
        assert isinstance(dataset, DrawnDataset)
        for run, name in CROPS.items():
            views = study.runs[f"{run}-{setting}-shared"].views
            content = measure_pairs(pairs(dataset, views, is_scattered=run == "boxes"))
            print(f"{setting}, {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in content._asdict().items()))
            rows += [
                {"name": f"{setting}, {name}, {key.replace('_', ' ')}", "value": value, "unit": "share"}
                for key, value in content._asdict().items()
            ]
    result = {
        "command": "python benchmarks/pair_content.py",
        "versions": versions(),
        "rows": rows,
        "ratios": {},
    }
    record("pair_content", result)


if __name__ == "__main__":
    main()
