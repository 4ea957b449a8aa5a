import yaml

from objectcrop.study.plan.plan import load_plan
from objectcrop.study.plan.report import differences


def test_the_page_shows_what_the_study_makes(plan):
    inputs = plan.report.inputs()
    assert inputs["tables"] == ["results/tables/one.json", "results/tables/two.json"]
    assert inputs["figures"] == ["results/figures/one", "results/figures/two"]
    assert len(inputs["summaries"]) == 3 * 2
    assert inputs["subsets"] == ["results/ohms/ohms/summary.json"]
    assert inputs["subset_figures"] == ["results/ohms/ohms/figures"]
    assert inputs["proposals"] == ["results/proposals/ohms/lod.json", "results/proposals/ohms/gt.json"]
    assert inputs["qualities"] == [f"results/proposals/ohms/{source}.quality.json" for source in ("lod", "gt")]
    assert inputs["views"] == ["results/inspect/views/scene.png", "results/inspect/views/objects.png"]
    assert inputs["unreadable"] == [f"results/images/{dataset}/unreadable.json" for dataset in ("ohms", "drawn")]


def test_a_subset_that_nothing_uses_is_neither_made_nor_needed_unless_it_is_measured(config):
    missing = {"source": "openimages", "boxes": {"train": "b"}, "class_descriptions": "c", "images": {"train": "i"}}
    config["datasets"] |= {"images": missing, "idle": {"source": "ohms", "of": "images"}}
    plan = load_plan(config)
    assert plan.report.subsets() == ["ohms"]
    assert plan.needs.missing() == {}
    config["measured_subsets"] = ["idle"]
    plan = load_plan(config)
    assert plan.report.inputs()["subset_statistics"] == [
        f"results/ohms/{name}/statistics.json" for name in ("ohms", "idle")
    ]
    assert len(plan.needs.missing()) == 3


def test_the_data_set_of_a_run_without_training_is_not_opened(config):
    config["runs"]["random-init"] = {"dataset": "both", "method": "random_init"}
    assert "results/images/both/unreadable.json" not in load_plan(config).report.inputs()["unreadable"]
    assert "more" not in load_plan(config).needs.datasets()


def test_random_images_are_shown_with_the_first_source_and_the_best_and_worst_with_all(plan):
    folder = "results/inspect/ohms"
    assert plan.report.contact_sheets() == [
        f"{folder}/lod/contact_sheet.png",
        *(f"{folder}/{source}/{name}.png" for source in ("lod", "gt") for name in ("best", "worst")),
    ]
    assert plan.report.inspections() == [f"{folder}/lod/fiftyone/manifest.json"]


def test_a_study_without_inspection_builds_none(config):
    del config["inspection"]
    assert load_plan(config).report.inspections() == []


def test_supervised_runs_have_no_pairs_of_views_to_draw(config):
    config["tables"]["one"]["rows"].append({"label": "labels", "run": "labels"})
    plan = load_plan(config)
    assert "labels" in plan.results.trained_runs()
    assert "results/inspect/views/labels.png" not in plan.report.view_sheets()


def test_the_page_says_where_subsets_come_from_and_whether_boxes_are_random(plan, config):
    settings = plan.report.job().values()
    assert settings["subset_base_sources"] == {"ohms": "drawn"}
    crops = {"random-init": "untrained", "scene": "scene", "objects": "objects"}
    assert settings["crops"] == crops
    assert settings["methods"]["scene"] == "moco_v2"
    assert set(settings["runs"]) == set(crops)
    views = config["runs"]["objects"]["views"]
    sources = {"random": {"kind": "random", "sizes_of": "lod"}, "grid": {"kind": "grid"}}
    config["proposals"] |= sources
    for source, crops in (("random", "random boxes"), ("grid", "boxes without a search")):
        views["proposals"] = source
        assert load_plan(config).report.job().crops["objects"] == crops
    config["runs"]["objects"]["views"] = {"regions": ["random_box", "random_box"]}
    assert load_plan(config).report.job().crops["objects"] == "boxes without a search"


def test_the_job_of_the_papers_page_fits_a_command_line(root):
    """Linux passes at most 128 KiB as one argument, and the shell gets the whole command as one."""
    plan = load_plan(yaml.safe_load((root / "presets/paper.yaml").read_text()))
    files = [file for files in plan.report.inputs().values() for file in files]
    assert len(plan.report.job().as_json()) + len(" ".join(files)) < 2**16


def test_runs_are_described_by_what_they_set_otherwise():
    first = {"method": "moco_v2", "dataset": "ohms", "views": {"size_px": 64, "swap": True}}
    second = {"method": "moco_v2", "dataset": "ohms", "views": {"size_px": 96, "swap": True}}
    assert differences({"a": first, "b": second})["b"] == "views.size_px = 96"
