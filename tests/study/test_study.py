"""A study names every problem at once and resolves what inherits."""

import copy

import pytest
import yaml

from objectcrop.ssl.methods.registry import METHODS
from objectcrop.study.loading import StudyError, load_study
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.plan.planned import PlannedJob
from objectcrop.study.settings.home_pages import HOME_PAGES

CONFIG = {
    "name": "small",
    "datasets": {"drawn": {"source": "drawn"}, "ohms": {"source": "ohms", "of": "drawn"}},
    "proposals": {"lod": {"kind": "lod", "features_run": "scene"}},
    "runs": {
        "scene": {"dataset": "ohms", "optimizer": {"epochs": 5}},
        "objects": {
            "inherit": "scene",
            "views": {"regions": ["object", "dilated_object"], "proposals": "lod"},
            "optimizer": {"learning_rate": 0.5},
        },
    },
    "tasks": {"linear": {"kind": "linear", "dataset": "ohms"}},
    "tables": {
        "one": {
            "title": "One",
            "columns": [{"task": "linear", "metric": "map", "label": "mAP"}],
            "rows": [{"label": "scene", "run": "scene"}, {"label": "objects", "run": "objects"}],
        }
    },
}


def changed(**sections):
    config = copy.deepcopy(CONFIG)
    for section, entries in sections.items():
        config.setdefault(section, {}).update(entries)
    return config


def problems(config):
    with pytest.raises(StudyError) as caught:
        load_study(config)
    return str(caught.value)


def test_a_run_takes_over_what_it_inherits_and_keeps_its_own():
    run = load_study(CONFIG).runs["objects"]
    assert (run.optimizer.epochs, run.optimizer.learning_rate) == (5, 0.5)
    assert run.views.regions == ("object", "dilated_object")


def test_a_scientific_number_without_a_dot_is_a_number():
    text = "{dataset: ohms, optimizer: {learning_rate: 3e-2}}"  # YAML 1.1 reads 3e-2 as a string
    study = load_study(changed(runs={"text": yaml.safe_load(text)}))
    assert study.runs["text"].optimizer.learning_rate == 0.03


def test_every_problem_is_named_at_once():
    config = changed(
        runs={"typo": {"dataset": "ohms", "optimiser": {}}, "orphan": {"inherit": "nobody"}},
        tasks={"linear": {"kind": "linear", "dataset": "ohm"}},
    )
    config["tables"]["one"]["rows"].append({"label": "gone", "run": "scen"})
    message = problems(config)
    for part in ("4 problem(s)", "runs.typo.optimiser", "'nobody'", "did you mean 'ohms'", "did you mean 'scene'"):
        assert part in message, message


def test_inheritance_in_a_circle_is_rejected():
    config = changed(runs={"a": {"inherit": "b"}, "b": {"inherit": "a"}})
    assert "runs in a circle, a -> b -> a" in problems(config)


def test_object_views_without_proposals_are_rejected():
    config = changed(runs={"bad": {"inherit": "scene", "views": {"regions": ["object", "scene"]}}})
    assert "runs.bad.views.proposals: is missing" in problems(config)


RELEASED = {"source": "released_ohms", "of": "images", "train_labels": "new.npy", "test_labels": "test.npy"}
IMAGES = {
    "source": "openimages",
    "boxes": {"train": "train.csv"},
    "class_descriptions": "names.csv",
    "images": {"train": "train"},
}


def test_released_lists_are_a_subset_made_by_a_rule_of_its_own(tmp_path):
    config = changed(datasets={"images": IMAGES, "released": RELEASED}) | {"data_root": str(tmp_path)}
    config["measured_subsets"] = ["released"]
    (tmp_path / "new.npy").touch()
    plan = load_plan(config)
    assert (plan.images.selected_subsets(), plan.images.released_subsets()) == (["ohms"], ["released"])
    assert plan.downloads.base("released") == "images"
    assert plan.images.raw_files("released") == [f"{tmp_path}/new.npy"]
    assert f"{tmp_path}/test.npy" in plan.needs.missing()
    assert plan.images.annotation_inputs("released")["boxes"] == ["results/ohms/released/boxes.parquet"]
    assert plan.report.inputs()["subset_figures"] == [f"results/ohms/{name}/figures" for name in ("ohms", "released")]


def test_released_lists_of_drawn_scenes_are_rejected():
    assert "'drawn' is drawn" in problems(changed(datasets={"released": RELEASED | {"of": "drawn"}}))


def test_features_that_need_their_own_proposals_are_rejected():
    config = changed(proposals={"lod": {"kind": "lod", "features_run": "objects"}})
    assert "itself needs proposals 'lod'" in problems(config)


def test_two_names_for_the_same_settings_are_rejected():
    assert "same settings as runs.scene" in problems(changed(runs={"again": {"inherit": "scene"}}))


def test_missing_data_is_named_with_the_config_problems_and_alone_only_when_it_is_needed(tmp_path):
    config = changed(
        datasets={"images": {"source": "folder", "images": "photos"}},
        runs={"more": {"dataset": "images"}},
        tasks={"linear": {"kind": "linear", "dataset": "ohm"}},
    ) | {"data_root": str(tmp_path)}
    config["tables"]["one"]["rows"].append({"label": "more", "run": "more"})
    with pytest.raises(StudyError) as caught:
        load_plan(config)
    assert "photos is not there" in str(caught.value)
    assert "'ohm'" in str(caught.value)
    config["tasks"]["linear"]["dataset"] = "ohms"
    plan = load_plan(config)
    jobs = [PlannedJob("index_images", {"dataset": "images"})]
    with pytest.raises(StudyError, match="photos is not there"):
        plan.needs.require(jobs)
    (tmp_path / "photos").mkdir()
    plan.needs.require(jobs)


LABELLED = {
    "openimages": {
        "boxes": {"train": "b.csv", "test": "t.csv"},
        "class_descriptions": "c.csv",
        "images": {"train": "i", "test": "j"},
    },
    "coco": {"instances": {"train": "a.json", "test": "t.json"}, "images": {"train": "i", "test": "j"}},
    "voc": {"parts": {split: [{"devkit": "VOC2007", "image_set": split}] for split in ("train", "test")}},
    "image_folders": {"images": {"train": "i", "test": "j"}},
    **{source: {"folder": "f"} for source in ("ade20k", "fgvc_aircraft", "cub", "stanford_cars")},
}


@pytest.mark.parametrize("source", LABELLED)
def test_a_linear_task_accepts_every_labelled_source_and_a_missing_one_is_named_with_its_page(tmp_path, source):
    config = changed(datasets={"other": {"source": source, **LABELLED[source]}}) | {"data_root": str(tmp_path)}
    config["tasks"]["linear"]["dataset"] = "other"
    plan = load_plan(config)
    for problem in plan.needs.problems():
        assert f"put the data there (get it from {HOME_PAGES[source]})" in problem
    assert plan.needs.problems()


def test_a_linear_task_on_a_folder_is_rejected():
    config = changed(datasets={"other": {"source": "folder", "images": "f"}})
    config["tasks"]["linear"]["dataset"] = "other"
    assert "a linear task needs labels" in problems(config)


def test_a_table_asks_for_every_run_and_seed_once():
    config = changed() | {"seeds": [0, 1]}
    plan = load_plan(config)
    assert plan.results.of_table("one") == [
        f"results/eval/{run}/s{seed}/linear.json" for run in ("scene", "objects") for seed in (0, 1)
    ]
    assert plan.runs.proposals("scene") == []
    assert plan.runs.proposals("objects") == ["results/proposals/ohms/lod.parquet", "results/proposals/ohms/lod.json"]


def test_a_trunk_that_detectors_lack_is_rejected_where_one_is_fine_tuned():
    tasks = {"boxes": {"kind": "detector", "dataset": "drawn"}}
    runs = {"cmc": {"dataset": "ohms", "method": "cmc"}, "wide": {"dataset": "ohms", "backbone": {"arch": "resnet101"}}}
    runs["small"] = {"dataset": "ohms", "backbone": {"arch": "resnet18", "stem": "small"}}
    rows = [{"label": name, "run": name} for name in ("scene", "cmc", "wide", "small")]
    table = {"title": "Two", "columns": [{"task": "boxes", "metric": "AP", "label": "AP"}], "rows": rows}
    message = problems(changed(tasks=tasks, runs=runs, tables={"two": table}))
    assert "3 problem(s)" in message
    assert "tables.two.rows.1.run: detectors are fine-tuned from resnet18 and resnet50 in RGB" in message
    assert "resnet101 in rgb with the imagenet one (runs.wide.backbone)" in message
    assert "resnet18 in rgb with the small one (runs.small.backbone)" in message


def test_cmc_sees_luminance_and_chrominance_unless_told_otherwise():
    runs = {"cmc": {"dataset": "ohms", "method": "cmc"}, "lab": {"inherit": "cmc", "backbone": {"color": "lab"}}}
    study = load_study(changed(runs=runs))
    assert [study.runs[name].backbone.color for name in ("cmc", "lab", "scene")] == ["ycbcr", "lab", "rgb"]
    wrong = {"cmc": {"dataset": "ohms", "method": "cmc", "backbone": {"color": "rgb"}}}
    assert "runs.cmc.backbone.color: method cmc needs ycbcr or lab" in problems(changed(runs=wrong))


def test_methods_with_a_queue_or_a_bank_remember_from_step_to_step():
    runs = {
        "swav": {"dataset": "ohms", "method": "swav"},
        "swav-queue": {"dataset": "ohms", "method": "swav", "swav": {"queue_length": 512}},
        **{method: {"dataset": "ohms", "method": method} for method in METHODS if method != "swav"},
    }
    del runs["moco_v2"]  # scene is it
    study = load_study(changed(runs=runs))
    remembering = {name for name, run in study.runs.items() if run.has_memory}
    assert remembering == {"scene", "objects", "swav-queue", "densecl", "cmc", "insdis"}


def test_two_heads_need_two_regions_whatever_the_method():
    for method, section in (
        ("byol", "byol"),
        ("densecl", "moco"),
        ("swav", "swav"),
        ("cmc", "cmc"),
        ("insdis", "insdis"),
        ("moco_v2", "moco"),
    ):
        run = {"dataset": "ohms", "method": method, section: {"heads": "per_view"}}
        assert f"runs.heads.{section}.heads: per_view needs two different" in problems(changed(runs={"heads": run}))
