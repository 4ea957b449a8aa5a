from objectcrop.study.plan.plan import load_plan


def test_a_run_reads_boxes_where_its_views_need_them_and_labels_where_it_learns_from_them(plan):
    boxes = ["results/proposals/ohms/lod.parquet", "results/proposals/ohms/lod.json"]
    labels = ["results/annotations/ohms.parquet"]
    read = {run: (plan.runs.proposals(run), plan.runs.annotations(run)) for run in plan.study.runs}
    assert read == {
        "random-init": ([], []),
        "scene": ([], []),
        "objects": (boxes, []),
        "labels": ([], labels),
    }
    assert plan.runs.manifest("labels") == ["results/images/ohms/manifest.parquet"]


def test_neighbours_of_features_need_labels_of_trained_runs(config):
    for run in ("random-init", "scene"):
        config["runs"][run] = config["runs"][run] | {"training": {"monitor_knn": True}}
    plan = load_plan(config)
    assert plan.runs.annotations("scene") == ["results/annotations/ohms.parquet"]
    assert plan.runs.annotations("random-init") == []


def test_what_a_job_asks_for_is_no_setting_of_it(plan, config):
    names = "cpus", "gpus", "nodes", "minutes", "kept_states", "compile_on"
    assert [plan.runs.resource("labels", name) for name in names] == [16, 2, 1, 91, 5, "gpu"]
    assert [plan.runs.memory_mb("labels", attempt) for attempt in (1, 2)] == [32_000, 64_000]
    del config["runs"]["labels"]["resources"]
    assert load_plan(config).runs.job("labels") == plan.runs.job("labels")
    assert set(plan.runs.job("scene").values()) == {"run_name", "run", "study_seed"}


def test_only_a_run_on_several_nodes_starts_its_launchers_itself(config):
    config["runs"]["labels"]["resources"] = {"gpus": 4, "nodes": 2}
    config["runs"]["random-init"]["resources"] = {"nodes": 2}
    runs = load_plan(config).runs
    asked = {run: (runs.resource(run, "nodes"), runs.tasks(run), runs.launcher(run)) for run in runs.study.runs}
    assert asked.pop("labels") == (2, 2, "srun")
    assert set(asked.values()) == {(1, None, None)}, "a run that is not trained needs one node"


def test_a_run_that_is_not_trained_reads_no_data_set_and_needs_no_gpu(config, tmp_path):
    config["runs"]["theirs"] = {"method": "external", "backbone": {"weights": "w.pth"}, "resources": {"gpus": 2}}
    runs = load_plan(config).runs
    assert runs.manifest("theirs") == runs.manifest("random-init") == runs.weights("theirs") == []
    assert runs.resource("theirs", "gpus") == 0
    (tmp_path / "w.pth").touch()
    assert runs.weights("theirs") == [(tmp_path / "w.pth").as_posix()]
    assert runs.weights("scene") == []


def test_a_pinned_sum_is_recorded_and_one_that_is_not_set_changes_no_job(config):
    config["runs"]["theirs"] = {"method": "external", "backbone": {"weights": "w.pth"}}
    plain = load_plan(config).runs.job("theirs").as_json()
    assert "sha256" not in plain
    config["runs"]["theirs"]["backbone"]["weights_sha256"] = "0" * 64
    assert '"weights_sha256":"000' in load_plan(config).runs.job("theirs").as_json()


def test_the_file_that_a_run_starts_from_is_its_input_and_one_that_is_not_named_changes_no_job(config, tmp_path):
    plain = load_plan(config).runs.job("scene").as_json()
    assert "init_from" not in plain
    config["runs"]["scene"]["backbone"] = {"init_from": "moco.pth"}
    runs = load_plan(config).runs
    assert (runs.location("scene"), runs.location_setting("scene")) == ("moco.pth", "runs.scene.backbone.init_from")
    assert runs.weights("scene") == []
    (tmp_path / "moco.pth").touch()
    assert runs.weights("scene") == [(tmp_path / "moco.pth").as_posix()]
    assert '"init_from":"moco.pth"' in runs.job("scene").as_json()
    assert runs.manifest("scene") == ["results/images/ohms/manifest.parquet"]


def test_state_is_kept_beside_the_weights(plan):
    assert plan.runs.checkpoints("scene", 1) == "results/pretrain/scene/s1/checkpoints"
    assert plan.runs.summary("scene", 1) == "results/pretrain/scene/s1/summary.json"
