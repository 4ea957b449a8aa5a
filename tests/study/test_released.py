"""The compat profile of the authors' release holds what its header says."""

import yaml

from objectcrop.study.merging import overlay
from objectcrop.study.plan.plan import load_plan


def plan_of(root, *names):
    config = {}
    for name in names:
        config = overlay(config, yaml.safe_load((root / f"presets/{name}.yaml").read_text()))
    return load_plan(config)


def test_the_released_run_has_the_quirks_that_have_settings(root):
    plan = plan_of(root, "ohms", "released")
    run = plan.study.runs["released"]
    assert (run.views.proposals, run.views.dilation, run.views.dilation_fraction) == ("gt", "coordinate_released", 0.2)
    assert run.views.object_scale_min == 1e-6
    assert run.views.sample_unit == "box"
    assert (run.views.min_region_px, run.views.border) == (224, "black")
    assert run.moco.heads == "shared"
    assert plan.study.datasets[run.dataset].labels == "raw"
    assert (run.optimizer.learning_rate, run.optimizer.epochs) == (0.015, 200)


def test_each_other_row_takes_one_quirk_back(root):
    runs = plan_of(root, "ohms", "released").study.runs
    quirks = runs["released"].model_dump()
    others = [name for name in runs if name.startswith("released-")]
    assert len(others) == 8
    for name in others:
        changed = [
            f"{section}.{key}"
            for section in ("views", "moco", "optimizer")
            for key, value in runs[name].model_dump()[section].items()
            if value != quirks[section][key]
        ]
        # black borders exist for the released dilation alone, and a sample for each image makes fewer steps
        assert len(changed) == (2 if name in ("released-image-dilation", "released-as-long") else 1), name


def test_nothing_of_it_is_in_the_studies_themselves(root):
    for name in ("ohms", "paper", "coco"):
        runs = plan_of(root, name).study.runs.values()
        assert all(run.views.dilation == "image_total" for run in runs)
