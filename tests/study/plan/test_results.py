"""Which results, summaries and files each table asks for."""

import pytest

from objectcrop.study.jobs.segment import SegmentJob
from objectcrop.study.plan.plan import load_plan


def test_a_table_needs_each_result_of_every_seed_once(plan):
    assert plan.results.of_table("one") == [
        f"results/eval/{run}/s{seed}/linear.json" for run in ("random-init", "scene", "objects") for seed in (0, 1)
    ]
    assert plan.results.cells("two") == [("random-init", "masks")]
    assert plan.results.judged() == [*plan.results.cells("one"), ("random-init", "masks")]


def test_every_table_has_figures_and_only_runs_that_train_have_curves(plan):
    folder = "results/pretrain"
    assert plan.results.summaries("one") == [
        f"{folder}/{run}/s{seed}/summary.json" for run in ("scene", "objects") for seed in (0, 1)
    ]
    assert plan.results.table("one") == ["results/tables/one.md", "results/figures/one"]
    assert plan.results.table("two") == ["results/tables/two.md", "results/figures/two"]
    assert plan.results.figures_job("two").crops == {"random-init": "untrained"}
    assert plan.results.runs() == ["random-init", "scene", "objects"]
    assert plan.results.trained_runs() == ["scene", "objects"]


def test_a_task_reads_the_tables_or_the_files_of_its_data_set(plan, tmp_path):
    assert plan.results.manifest("linear") == "results/images/ohms/manifest.parquet"
    assert plan.results.annotations("linear") == "results/annotations/ohms.parquet"
    assert plan.results.raw("masks") == ["results/drawn/drawn.json"]
    assert plan.results.raw("boxes") == []  # a devkit is a folder
    assert plan.results.checkpoints("scene", 1, "boxes") == "results/eval/scene/s1/boxes.checkpoints"


def test_fine_tuning_depends_on_the_data_set_too(plan):
    linear = {"run_name", "run", "task_name", "task", "study_seed"}
    assert set(plan.results.job("scene", "linear").values()) == linear
    for task in ("boxes", "masks", "pixels"):
        assert set(plan.results.job("scene", task).values()) == linear | {"dataset_name", "dataset"}
    assert type(plan.results.job("scene", "pixels")) is SegmentJob


def test_tasks_are_listed_by_kind(plan):
    assert plan.results.tasks_of("linear") == ["linear"]
    assert plan.results.tasks_of("detector", "segmenter") == ["boxes", "masks"]
    assert plan.results.tasks_of("semantic_segmenter") == ["pixels"]
    assert plan.results.resource("boxes", "cpus") == 6
    assert plan.results.resource("linear", "minutes") == 24 * 60
    assert plan.results.memory_mb("boxes", 2) == 2 * plan.results.memory_mb("boxes", 1)


def test_a_table_rejects_stale_results_unless_the_study_allows_them(plan):
    settings = plan.results.table_job("two").values()
    assert settings["allow_stale"] is False
    assert settings["seeds"] == [0, 1]


def test_rows_of_two_runs_and_of_other_tasks_ask_for_their_own_results(config):
    config["tasks"]["slow"] = config["tasks"]["linear"] | {"epochs": 7}
    config["tables"]["two"] = {
        "title": "Two",
        "columns": [
            {"task": "linear", "metric": "map", "label": "mAP"},
            {"task": "masks", "metric": "AP", "label": "AP"},
        ],
        "rows": [
            {"label": "both", "run": "scene", "runs": {"masks": "objects"}},
            {"label": "its own recipe", "runs": {"linear": "labels"}, "tasks": {"linear": "slow"}},
            {"label": "gain", "difference": {"of": ["both"], "minus": ["its own recipe"]}},
        ],
    }
    plan = load_plan(config)
    assert plan.results.cells("two") == [("scene", "linear"), ("objects", "masks"), ("labels", "slow")]
    assert [task for _, task in plan.results.judged()] == ["linear", "linear", "linear", "masks", "slow"]


def rows_with(difference, **settings):
    rows = [{"label": name, "run": name} for name in ("random-init", "scene", "objects")]
    return [*rows, {"label": "gain", "difference": difference} | settings]


def test_of_one_seed_a_difference_reads_the_scores_that_it_is_paired_by_and_of_several_none(config):
    table = config["tables"]["one"]
    assert load_plan(config).results.scores("one") == []
    table["rows"] = rows_with({"of": ["objects"], "minus": ["scene"]})
    assert load_plan(config).results.scores("one") == []  # two seeds: these are paired
    config["seeds"] = [3]
    scores = [f"results/eval/{run}/s3/linear.scores.npz" for run in ("objects", "scene")]
    assert load_plan(config).results.scores("one") == scores
    del table["rows"][-1]
    assert load_plan(config).results.scores("one") == []


def test_differences_of_detectors_of_several_tasks_or_to_quoted_rows_are_not_paired(config):
    config["seeds"] = [0]
    config["tasks"]["slow"] = config["tasks"]["linear"] | {"epochs": 7}
    table = config["tables"]["one"]
    table["columns"].append({"task": "masks", "metric": "AP", "label": "AP"})
    table["rows"] = rows_with({"of": ["objects"], "minus": ["scene"]})
    assert {path.split("/")[-1] for path in load_plan(config).results.scores("one")} == {"linear.scores.npz"}
    table["rows"][2]["tasks"] = {"linear": "slow"}
    assert load_plan(config).results.scores("one") == []
    del table["rows"][2]["tasks"]
    table["rows"][1] = {"label": "scene", "paper_row": "x"}
    assert load_plan(config).results.scores("one") == []


def test_a_table_knows_what_the_study_says_of_its_budget(config):
    assert load_plan(config).results.table_job("one").title_note == ""
    assert load_plan(config | {"title_note": "cut"}).results.table_job("one").title_note == "cut"


def test_a_name_for_several_tables_makes_each(config):
    config["targets"] = {"both": ["one", "two"]}
    plan = load_plan(config)
    assert plan.results.target("both") == [*plan.results.table("one"), *plan.results.table("two")]


def test_a_row_measures_proposals(config):
    config["tables"]["area"] = {
        "title": "Area",
        "columns": [{"metric": "mean_area_share", "label": "share"}],
        "rows": [{"label": "ranked by degree", "proposals": {"dataset": "both", "source": "degree"}}],
    }
    plan = load_plan(config)
    assert plan.results.summaries_of_proposals("area") == ["results/proposals/both/degree.json"]
    assert plan.results.cells("area") == []
    assert "both" in plan.needs.datasets()
    assert "degree" in plan.needs.sources()
    assert "both" in plan.report.indexed_datasets()


@pytest.fixture
def with_weights(config):
    """A table with a row of weights from a file, and one of a run whose proposals need a model."""
    config["runs"]["theirs"] = {"method": "external", "backbone": {"weights": "w.pth"}}
    config["proposals"]["bing"] = {"kind": "bing", "model_folder": "bing"}
    config["runs"]["bing"] = config["runs"]["objects"] | {
        "views": {"regions": ["object", "scene"], "proposals": "bing"}
    }
    rows = [{"label": name, "run": name, "optional": True, "note": "Ours."} for name in ("theirs", "bing", "scene")]
    config["tables"]["one"]["rows"] = rows
    return config


def test_an_optional_row_is_only_quoted_while_a_file_of_its_own_is_not_there(with_weights, tmp_path):
    plan = load_plan(with_weights)
    assert plan.results.cells("one") == [("scene", "linear")]
    assert "theirs" not in plan.needs.runs()
    assert plan.needs.missing() == {}
    theirs, bing, scene = plan.results.table_job("one").table.rows
    assert theirs.run is None
    assert theirs.note == "Ours. Not measured: w.pth is not under the data root."
    assert bing.note == "Ours. Not measured: bing is not under the data root."
    assert scene.note == "Ours."
    (tmp_path / "w.pth").touch()
    assert load_plan(with_weights).results.cells("one") == [("theirs", "linear"), ("scene", "linear")]
    (tmp_path / "bing").mkdir()
    plan = load_plan(with_weights)
    assert plan.results.runs() == ["theirs", "bing", "scene", "random-init"]
    assert plan.results.table_job("one").table.rows[0].note == "Ours."


def test_a_row_whose_proposals_come_from_weights_of_a_file_waits_for_them_too(with_weights, tmp_path):
    with_weights["proposals"]["lod"]["features_run"] = "theirs"
    with_weights["tables"]["one"]["rows"] = [{"label": "objects", "run": "objects", "optional": True}]
    plan = load_plan(with_weights)
    assert plan.results.table_job("one").table.rows[0].note == "Not measured: w.pth is not under the data root."
    (tmp_path / "w.pth").touch()
    assert load_plan(with_weights).results.cells("one") == [("objects", "linear")]


def test_a_row_that_is_not_optional_stops_without_its_file(with_weights, tmp_path):
    for row in with_weights["tables"]["one"]["rows"]:
        row["optional"] = False
    assert set(load_plan(with_weights).needs.missing()) == {f"{tmp_path}/w.pth", f"{tmp_path}/bing"}
