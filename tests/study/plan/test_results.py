from objectcrop.study.jobs.segment import SegmentJob


def test_a_table_needs_each_result_of_every_seed_once(plan):
    assert plan.results.of_table("one") == [
        f"results/eval/{run}/s{seed}/linear.json" for run in ("random-init", "scene", "objects") for seed in (0, 1)
    ]
    assert plan.results.cells("two") == [("random-init", "masks")]
    assert plan.results.judged() == [*plan.results.cells("one"), ("random-init", "masks")]


def test_only_runs_that_train_have_curves(plan):
    folder = "results/pretrain"
    assert plan.results.summaries("one") == [
        f"{folder}/{run}/s{seed}/summary.json" for run in ("scene", "objects") for seed in (0, 1)
    ]
    assert plan.results.table("one") == ["results/tables/one.md", "results/figures/one.svg"]
    assert plan.results.table("two") == ["results/tables/two.md"]
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


def test_a_table_rejects_stale_results_unless_the_study_allows_them(plan):
    settings = plan.results.table_job("two").values()
    assert settings["allow_stale"] is False
    assert settings["seeds"] == [0, 1]
