import pytest

from objectcrop.study.checks.splits import splits_of
from objectcrop.study.loading import StudyError
from objectcrop.study.plan.plan import load_plan

INDEX = {"raw": [], "subset": [], "annotations": [], "parts": [], "part_files": []}
ANNOTATIONS = {"raw": [], "boxes": [], "boxes_classes": [], "parts": [], "part_classes": []}


def test_a_drawn_set_is_indexed_and_read_after_its_drawing(plan):
    raw = {"raw": ["results/drawn/drawn.json"]}
    assert plan.images.index_inputs("drawn") == INDEX | raw
    assert plan.images.annotation_inputs("drawn") == ANNOTATIONS | raw


def test_a_subset_is_read_from_its_own_tables_and_its_images_are_those_of_the_set_selected_from(plan):
    raw = {"raw": ["results/drawn/drawn.json"]}
    assert plan.images.index_inputs("ohms") == INDEX | raw | {"subset": ["results/ohms/ohms/images.parquet"]}
    tables = {"boxes": ["results/ohms/ohms/boxes.parquet"], "boxes_classes": ["results/ohms/ohms/classes.parquet"]}
    assert plan.images.annotation_inputs("ohms") == ANNOTATIONS | raw | tables
    assert plan.images.base_annotations("ohms") == "results/annotations/drawn.parquet"
    assert plan.images.base_classes("ohms") == "results/annotations/drawn.classes.parquet"


def test_a_union_is_made_from_what_was_made_of_its_parts(plan):
    parts = [f"results/images/{part}/manifest.parquet" for part in ("drawn", "more")]
    files = [f"results/images/{part}/files.parquet" for part in ("drawn", "more")]
    assert plan.images.index_inputs("both") == INDEX | {"parts": parts, "part_files": files}
    assert plan.images.annotation_inputs("both") == ANNOTATIONS | {
        "parts": ["results/annotations/drawn.parquet", "results/annotations/more.parquet"],
        "part_classes": ["results/annotations/drawn.classes.parquet", "results/annotations/more.classes.parquet"],
    }


def test_raw_files_are_inputs_once_they_are_there(config, tmp_path):
    lists = {"source": "released_ohms", "of": "images", "train_labels": "new.npy", "test_labels": "test.npy"}
    images = {"source": "openimages", "boxes": {"train": "b.csv"}, "class_descriptions": "c.csv", "images": {}}
    config["datasets"] |= {"images": images, "released": lists}
    plan = load_plan(config)
    assert plan.images.raw_files("released") == []
    (tmp_path / "new.npy").touch()
    assert plan.images.raw_files("released") == [f"{tmp_path}/new.npy"]
    (tmp_path / "b.csv").touch()
    assert plan.images.index_inputs("images") == INDEX | {"raw": [f"{tmp_path}/b.csv"]}
    assert (plan.images.selected_subsets(), plan.images.released_subsets()) == (["ohms"], ["released"])


def test_settings_of_a_subset_hold_those_of_the_set_selected_from(plan):
    settings = plan.images.dataset_job("ohms").values()
    assert (settings["dataset_name"], settings["base_name"]) == ("ohms", "drawn")
    assert settings["base"]["num_train"] == 8
    assert set(plan.images.dataset_job("drawn").values()) == {"dataset_name", "dataset"}
    assert plan.images.index_job("drawn").values() == plan.images.dataset_job("drawn").values()  # nothing was fetched


def test_a_prepared_set_is_made_of_another_ones_images_and_has_its_annotations(config):
    config["datasets"]["small"] = {"source": "prepared", "of": "ohms", "long_side_px": 128}
    plan = load_plan(config)
    assert plan.images.prepared() == ["small"]
    assert "small" not in plan.images.indexed()
    assert plan.images.copied_manifest("small") == "results/images/ohms/manifest.parquet"
    assert plan.images.annotation_inputs("small") == ANNOTATIONS | {
        "parts": ["results/annotations/ohms.parquet"],
        "part_classes": ["results/annotations/ohms.classes.parquet"],
    }
    files = plan.lineage.files()
    assert files["results/images/small/manifest.parquet"][0] == "prepare_images"
    assert files["results/images/ohms/manifest.parquet"][0] == "index_images"
    assert splits_of(plan.study, "small") == splits_of(plan.study, "ohms")
    config["measured_proposals"], config["tables"] = {"small": ["gt"]}, {}
    assert set(load_plan(config).needs.datasets()) >= {"small", "ohms", "drawn"}


def test_a_prepared_set_is_not_prepared_again(config):
    config["datasets"]["small"] = {"source": "prepared", "of": "ohms"}
    config["datasets"]["smaller"] = {"source": "prepared", "of": "small", "long_side_px": 64}
    with pytest.raises(StudyError, match=r"datasets\.smaller\.of: 'small' is itself prepared"):
        load_plan(config)
    config["datasets"]["smaller"]["of"] = "small-one"
    with pytest.raises(StudyError, match=r"datasets\.smaller\.of: .*'small-one'"):
        load_plan(config)


def test_few_images_ask_for_few_cores(config):
    config["datasets"]["drawn"] |= {"num_train": 4000, "num_test": 1}
    config["datasets"]["more"] |= {"num_train": 10**6}
    config["datasets"]["small"] = {"source": "prepared", "of": "ohms"}
    images = load_plan(config).images
    asked = {"drawn": 3, "more": 8, "ohms": 3, "both": 1, "voc": 8, "small": 3}
    assert {name: images.cores(name) for name in config["datasets"]} == asked
