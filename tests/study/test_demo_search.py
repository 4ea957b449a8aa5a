"""presets/demo_search.yaml: three methods by three crops on two sets of scenes, with nothing else between them."""

from itertools import product

import pytest
import yaml

from objectcrop.study.merging import overlay
from objectcrop.study.plan.plan import load_plan

METHODS = {"moco": "moco_v2", "swav": "swav", "insdis": "insdis"}
CROPS = {
    "scene": (("scene", "scene"), None),
    "gt": (("object", "dilated_object"), "gt"),
    "boxes": (("object", "dilated_object"), "sizes-of-gt"),
}


@pytest.fixture(scope="module")
def study(root):
    effect, search = (yaml.safe_load((root / f"presets/{name}.yaml").read_text()) for name in ("effect", "demo_search"))
    return load_plan(overlay(effect, search)).study


def test_each_run_is_what_its_name_says(study):
    for method, crops, scenes in product(METHODS, CROPS, ("near", "few")):
        run = study.runs[f"{method}-{crops}-{scenes}"]
        regions, proposals = CROPS[crops]
        assert (run.method, run.dataset) == (METHODS[method], f"{scenes}-unique")
        assert tuple(run.views.regions) == regions
        assert run.views.proposals == proposals
        assert run.optimizer == study.runs["moco-scene-near"].optimizer


def test_no_box_of_the_search_is_of_lod_and_all_runs_are_rows(study):
    rows = {row.run for name in study.targets["demo-search"] for row in study.tables[name].rows}
    assert rows >= {"-".join(parts) for parts in product(METHODS, CROPS, ("near", "few"))}
    used = {study.runs[run].views.proposals for run in rows if study.runs[run].uses_objects}
    assert used == {"gt", "sizes-of-gt"}
