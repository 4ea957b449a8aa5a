"""What a study expects of its files."""

import copy

import yaml

from objectcrop.study.plan.plan import load_plan

METRICS = {"linear": "map", "boxes": "AP", "masks": "AP", "pixels": "mIoU"}


def files_of(config):
    return load_plan(config).lineage.files()


def config_of(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def changed_files(root, change):
    config = config_of(root)
    before = files_of(copy.deepcopy(config))
    change(config)
    after = files_of(config)
    return {path.removeprefix("results/") for path in before if before[path] != after.get(path)}


def test_notes_and_resources_change_nothing(root):
    def change(config):
        config["runs"]["oac"] |= {"note": "ours", "resources": {"cpus": 1}}

    assert changed_files(root, change) == set()


def test_a_rule_of_the_subset_changes_the_files_of_that_subset_alone(root):
    def change(config):
        config["datasets"]["ohms"]["min_images_per_class"] += 1

    names = {path.split("/")[0] for path in changed_files(root, change)}
    assert names == {"images", "annotations", "ohms"}


def test_the_seed_of_the_study_changes_every_file_that_chance_is_part_of(root):
    def change(config):
        config["seed"] = 77

    changed = changed_files(root, change)
    assert {"pretrain/oac/s{seed}/backbone.safetensors", "eval/oac/s{seed}/linear.json"} <= changed
    assert "lod/ohms/lod/features/{shard}.npz" in changed
    assert "images/ohms/manifest.parquet" not in changed


def test_every_rule_that_the_lineage_names_has_a_script(root):
    for config in ("config.yaml", "presets/paper.yaml", "presets/minis.yaml"):
        for rule in {rule for rule, _ in files_of(yaml.safe_load((root / config).read_text())).values()}:
            assert (root / f"workflow_scripts/{rule}.py").is_file(), rule


def test_each_kind_of_task_has_a_rule_of_its_own(config):
    columns = [{"task": task, "metric": metric, "label": task} for task, metric in METRICS.items()]
    config["tables"] = {"all-tasks": {"title": "t", "columns": columns, "rows": [{"label": "r", "run": "random-init"}]}}
    files = files_of(config)
    rules = {task: files[f"results/eval/random-init/s{{seed}}/{task}.json"][0] for task in METRICS}
    assert rules == {"linear": "evaluate_linear", "boxes": "fine_tune", "masks": "fine_tune", "pixels": "segment"}
