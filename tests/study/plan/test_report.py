from objectcrop.study.plan.plan import load_plan


def test_the_page_shows_what_the_study_makes(plan):
    inputs = plan.report.inputs()
    assert inputs["tables"] == ["results/tables/one.json", "results/tables/two.json"]
    assert inputs["curves"] == ["results/figures/one.svg"]
    assert len(inputs["summaries"]) == 3 * 2
    assert inputs["subsets"] == ["results/ohms/ohms/summary.json"]
    assert inputs["subset_figures"] == ["results/ohms/ohms/figures.svg"]
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
    assert settings["has_random_boxes"] is False
    assert set(settings["runs"]) == {"random-init", "scene", "objects"}
    config["proposals"]["random"] = {"kind": "random", "sizes_of": "lod"}
    config["runs"]["objects"]["views"]["proposals"] = "random"
    assert load_plan(config).report.has_random_boxes()
