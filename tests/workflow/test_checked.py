"""A study is checked before its first job: settings by a dry run too, data and GPUs for what is asked for, weights as pinned."""

import hashlib
import json

import pytest
import torch
import yaml

from objectcrop.identity.record import read_record
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.settings.backbones import BackboneSettings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("planned")]

PLANTED = {
    "tables.linear-demo.columns.0.metric": ("mAP", "did you mean 'map'?"),
    "tasks.linear.size_px": (300, "lower it, or raise resize_px"),
    "tasks.detect-voc.resources": ({"cpus": 1, "gpus": 3, "memory_mb": 4000, "hours": 1}, "take 3 or 6"),
    "tasks.segment-coco.schedule.decay_iterations": ([26, 20], "write [20, 26]"),
    "proposals.lod.layers": (["layer2", "layer33"], "did you mean 'layer3'?"),
    "proposals.random.sizes_of": ("lodd", "did you mean 'lod'?"),
    "runs.scene-scene.moco.queue_length": (390, "take 384 or 448"),
    "runs.supervised.optimizer.epoch": (8, "did you mean 'epochs'?"),
    "seeds": ([0, 0], "remove it"),
    "measured_proposals.ohms": (["lod", "rndom"], "did you mean 'random'?"),
}
"""Ten mistakes in config.yaml: at which setting, which value, and the end of what is said."""

SAID_AT = {
    "tasks.detect-voc.resources": "tasks.detect-voc.schedule.images_per_batch",
    "proposals.lod.layers": "proposals.lod.layers.1",
    "seeds": "seeds.1",
    "measured_proposals.ohms": "measured_proposals.ohms.1",
}
"""Where it is said, if not at the setting that was changed."""


def stop_message(done):
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert "Traceback" not in text
    return text


def with_planted(config):
    config = json.loads(json.dumps(config))  # what YAML has in two places is apart now
    for path, (value, _) in PLANTED.items():
        inside = config
        parts = path.split(".")
        for part in parts[:-1]:
            inside = inside[int(part)] if isinstance(inside, list) else inside.setdefault(part, {})
        inside[int(parts[-1]) if isinstance(inside, list) else parts[-1]] = value
    return config


def test_a_dry_run_names_ten_planted_mistakes_at_once_and_none_that_is_none(workflow):
    config = with_planted(yaml.safe_load((workflow.folder / "config.yaml").read_text()))
    path = workflow.folder / "planted.yaml"
    path.write_text(yaml.safe_dump(config))
    text = stop_message(workflow.run("--dry-run", "--configfile", "planted.yaml", check=False))
    path.unlink()
    lines = [line.strip().removeprefix("- ") for line in text.split("10 problem(s):")[1].splitlines()]
    for place, (_, advice) in PLANTED.items():
        (line,) = [line for line in lines if line.startswith(f"{SAID_AT.get(place, place)}: ")]
        assert line.endswith(advice), line


def study(**sections):
    """A study of drawn scenes; its other parts read files that are not there."""
    run = {"backbone": {"arch": "resnet18", "width": 0.125}, "resources": {"gpus": 0, "memory_mb": 100}}
    row, column = {"label": "theirs", "run": "theirs"}, {"metric": "map", "label": "mAP"}
    return {
        "name": "checked",
        "datasets": {
            "few": {"source": "drawn", "num_train": 4, "num_test": 2, "width_px": 64, "height_px": 64},
            "coco": {
                "source": "coco",
                "instances": {"train": "coco/a.json", "test": "coco/b.json"},
                "images": {"train": "coco/a", "test": "coco/b"},
            },
        },
        "runs": {
            "theirs": {**run, "method": "external", "backbone": run["backbone"] | {"weights": "theirs.safetensors"}},
            "fresh": {**run, "method": "random_init", "resources": {"gpus": 4}},
        },
        "tasks": {
            "few": {"kind": "linear", "dataset": "few"},
            "coco": {"kind": "linear", "dataset": "coco", "resources": {"gpus": 0}},
            "greedy": {"kind": "detector", "dataset": "few", "resources": {"gpus": 2}},
        },
        "tables": {
            "of-coco": {"title": "C", "rows": [row], "columns": [{**column, "task": "coco"}]},
            "of-few": {"title": "F", "rows": [{"label": "f", "run": "fresh"}], "columns": [{**column, "task": "few"}]},
            "boxes": {
                "title": "B",
                "rows": [{"label": "f", "run": "fresh"}],
                "columns": [{"metric": "AP", "label": "AP", "task": "greedy"}],
            },
        },
        **sections,
    }


@pytest.fixture
def checked(workflow, tmp_path):
    """Snakemake with that study, over a data root of its own."""
    path = workflow.folder / "checked.yaml"
    path.write_text(json.dumps(study()))
    yield lambda *targets: (*targets, "--configfile", "checked.yaml", "--config", f"data_root={tmp_path}")
    path.unlink()


def write_weights(path, seed):
    settings = BackboneSettings(arch="resnet18", width=0.125)
    with seeded_weights(seed):
        save_backbone(build_backbone(settings), path, {})


def test_a_target_asks_for_the_data_that_it_reads_and_for_no_other(workflow, checked, tmp_path):
    text = stop_message(workflow.run(*checked("of-coco"), check=False))
    missing = [line for line in text.splitlines() if "is not there" in line]
    assert "5 problem(s)" in text
    assert sorted(line.split()[1].removeprefix(f"{tmp_path}/") for line in missing) == [
        "coco/a",
        "coco/a.json",
        "coco/b",
        "coco/b.json",
        "theirs.safetensors",
    ]
    workflow.run(*checked("results/images/few/manifest.parquet"))
    assert (workflow.folder / "results/images/few/manifest.parquet").is_file()


@pytest.mark.parametrize("extra", [(), ("--resources", "gpu=1")])
def test_gpus_of_a_task_are_asked_for_before_anything_is_made(workflow, checked, monkeypatch, extra):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    backbone = workflow.folder / "results/pretrain/fresh/s0/backbone.safetensors"
    text = stop_message(workflow.run(*checked("boxes", *extra), check=False))
    assert "tasks.greedy.resources.gpus: 2 GPU(s) are asked for, this machine has 0" in text
    assert ("--resources allows 1" in text) == bool(extra)
    assert not backbone.exists()


def test_backbones_that_are_not_trained_need_no_data_set_and_follow_their_file(workflow, checked, tmp_path):
    theirs, fresh = (f"results/pretrain/{run}/s0/backbone.safetensors" for run in ("theirs", "fresh"))
    write_weights(tmp_path / "theirs.safetensors", 1)
    workflow.run(*checked(theirs, fresh))
    assert workflow.planned(*checked(theirs, fresh)) == {}
    write_weights(tmp_path / "theirs.safetensors", 2)
    assert workflow.planned(*checked(theirs, fresh)) == {"pretrain": 1}


def test_other_weights_than_the_pinned_ones_stop_the_job_with_both_sums(workflow, checked, tmp_path):
    write_weights(tmp_path / "theirs.safetensors", 3)
    sha256 = hashlib.sha256((tmp_path / "theirs.safetensors").read_bytes()).hexdigest()
    pinned = study()
    pinned["runs"]["theirs"]["backbone"]["weights_sha256"] = "0" * 64
    (workflow.folder / "checked.yaml").write_text(json.dumps(pinned))
    text = stop_message(workflow.run(*checked("results/pretrain/theirs/s0/backbone.safetensors"), check=False))
    assert (
        f"theirs.safetensors: its SHA-256 is {sha256}, runs.theirs.backbone.weights_sha256 expects {'0' * 64}" in text
    )


STARTED = {
    "dataset": "own",
    "backbone": {"arch": "resnet18", "width": 0.125, "init_from": "start.pth"},
    "views": {"size_px": 32},
    "moco": {"queue_length": 4, "batch_norm_group": 2},
    "optimizer": {"epochs": 1, "global_batch_size": 4},
    "resources": {"gpus": 0, "cpus": 1, "memory_mb": 1000},
}


def test_a_run_asks_for_the_file_that_it_starts_from_and_trains_again_when_it_is_replaced(workflow, checked, tmp_path):
    started = study()
    started["runs"]["started"], started["datasets"]["own"] = STARTED, started["datasets"]["few"]
    (workflow.folder / "checked.yaml").write_text(json.dumps(started))
    target = "results/pretrain/started/s0/backbone.safetensors"
    text = stop_message(workflow.run(*checked(target), check=False))
    assert f"{tmp_path}/start.pth is not there: put the weights of runs.started.backbone.init_from there" in text

    def replace(seed):
        with seeded_weights(seed):
            trunk = build_backbone(BackboneSettings(arch="resnet18", width=0.125))
        state = {f"module.{name}": value for name, value in trunk.state_dict().items()}
        torch.save(state | {"module.prototypes.weight": torch.zeros(3, 4)}, tmp_path / "start.pth")

    replace(1)
    workflow.run(*checked(target))
    log = (workflow.folder / "logs/pretrain/started-s0.log").read_text()
    assert f"starts from {tmp_path}/start.pth: swav (names behind 'module.')" in log
    (entry,) = [each for each in read_record(workflow.folder / target).all_inputs() if each.path.endswith("start.pth")]
    assert entry.sha256 == file_sha256(tmp_path / "start.pth")
    assert workflow.planned(*checked(target)) == {}
    replace(2)
    assert workflow.planned(*checked(target)) == {"pretrain": 1}
