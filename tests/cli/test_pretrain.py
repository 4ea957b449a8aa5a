"""The door to pretraining."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
from pydantic import ValidationError

from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.ssl.training.checkpoints import METRICS, save_state, saved_states
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, write_table
from workflow_scripts.pretrain import main


@pytest.fixture
def arguments(tmp_path):
    import cv2

    rng = np.random.default_rng(0)
    names = [f"i{number}" for number in range(8)]
    for name in names:
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 256, (32, 40, 3), dtype=np.uint8))
    manifest = [(name, f"{name}.png", 40, 32, 1, "train", "") for name in names]
    boxes = [(name, 0, 4, 4, 30, 28, 1.0) for name in names]
    labels = [(name, "c" if name < "i4" else "d", 0, 0, 1, 1, False, False, False, "s", "train") for name in names]
    for rows, schema in ((manifest, MANIFEST), (boxes, PROPOSALS), (labels, ANNOTATIONS)):
        write_table(pd.DataFrame(rows, columns=list(schema.columns)), tmp_path / f"{schema.name}.parquet", schema)
    write_json(tmp_path / "proposals.json", {"object_scale_min": 0.4, "features": "label-free"})

    def make(*more, **run):
        base = {
            "dataset": "some",
            "backbone": {"arch": "resnet18", "width": 0.125},
            "views": {"size_px": 32},
            "moco": {"queue_length": 8, "batch_norm_group": 2, "projector_batch_norm": True},
            "optimizer": {"epochs": 2, "global_batch_size": 4, "precision": "bfloat16"},
        }
        settings = {"run_name": "tiny", "run": {**base, **run}, "study_seed": 3}
        paths = {"data-root": "", "manifest": "manifest.parquet", "checkpoints": "out/checkpoints"}
        paths |= {"out": "out/backbone.safetensors", "summary": "out/summary.json"}
        files = [word for name, file in paths.items() for word in (f"--{name}", str(tmp_path / file))]
        return ["--settings", json.dumps(settings), "--seed", "0", *files, *more]

    return make


def proposals(tmp_path):
    return ["--proposals", str(tmp_path / "proposals.parquet"), str(tmp_path / "proposals.json")]


def test_weights_and_summary_are_written_and_the_state_is_dropped(arguments, tmp_path):
    views = {"size_px": 32, "regions": ["object", "dilated_object"], "proposals": "lod"}
    main(arguments(*proposals(tmp_path), "--annotations", views=views, losses={"rotation": 1, "localization": 1}))
    out = tmp_path / "out"
    weights = safetensors.torch.load_file(out / "backbone.safetensors")
    assert weights["conv1.weight"].shape[0] == 8
    assert not any(name.startswith("fc") for name in weights)
    summary = read_json(out / "summary.json")
    assert summary["sha256"] == hashlib.sha256((out / "backbone.safetensors").read_bytes()).hexdigest()
    assert (summary["run"], summary["seed"], summary["cost"]["images_seen"]) == ("tiny", 0, 16)
    assert {"settings", "settings_hash", "recipe", "provenance", "final", "features"} <= summary.keys()
    assert "resources" not in summary["settings"]
    lines = (out / "checkpoints" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]
    assert not list((out / "checkpoints").glob("*.pt")), "a forced rerun must train again"


def test_supervised_single_label_training_uses_the_annotations(arguments, tmp_path):
    main(arguments("--proposals", "--annotations", str(tmp_path / "annotations.parquet"), method="supervised"))
    summary = read_json(tmp_path / "out/summary.json")
    assert summary["features"] == "supervised"
    assert "accuracy" in summary["final"]


def test_random_weights_need_no_images(arguments, tmp_path):
    for image in tmp_path.glob("*.png"):
        image.unlink()
    main(arguments("--proposals", "--annotations", method="random_init"))
    assert read_json(tmp_path / "out/summary.json")["cost"]["images_seen"] == 0


def test_an_unknown_trunk_is_told_before_any_work(arguments, tmp_path):
    with pytest.raises(ValueError, match="no such network; near are"):
        main(arguments(backbone={"arch": "timm:resnt18"}))
    assert not (tmp_path / "out").exists()


def test_a_supervised_run_without_annotations_is_rejected(arguments):
    with pytest.raises(ValueError, match="needs --annotations"):
        main(arguments(method="supervised"))


MOCO = {"queue_length": 8, "batch_norm_group": 2, "projector_batch_norm": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"moco": {**MOCO, "queue_length": 10}},
            "moco.queue_length: 10 is not a multiple of optimizer.global_batch_size 4",
        ),
        ({"moco": {**MOCO, "batch_norm_group": 1}}, "batch_norm_group: 1 leaves batch norm nothing to normalise with"),
        ({"optimizer": {"global_batch_size": 1}}, "global_batch_size\n  Input should be greater than or equal to 2"),
        (
            {"optimizer": {"global_batch_size": 16}, "moco": {**MOCO, "queue_length": 16}},
            "8 training images do not fill one batch of 16",
        ),
        (
            {"views": {"size_px": 32, "regions": ["object", "scene"]}, "losses": {"localization": 1}},
            r"views.proposals: is missing; views.regions \['object', 'scene'\] need it",
        ),
        (
            {"views": {"size_px": 32, "regions": ["object", "scene"], "proposals": "lod"}, "losses": {"rotation": 1}},
            "object views need proposals: give --proposals the table and its summary",
        ),
        ({"backbone": {"arch": "resnet19"}}, "'resnet19': torchvision has no such network; near are"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_any_work(arguments, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        main(arguments("--proposals", "--annotations", **changes))
    ours = str(caught.value).removeprefix("run tiny: ")
    assert isinstance(caught.value, ValidationError) or ". " not in ours
    assert not (tmp_path / "out" / "checkpoints" / METRICS).exists()
    assert not (tmp_path / "out" / "backbone.safetensors").exists()


def test_a_queue_longer_than_the_data_set_is_a_warning(arguments, tmp_path, capsys):
    main(arguments("--proposals", "--annotations", moco={**MOCO, "queue_length": 12}))
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert warning.startswith("warning: run tiny: queue_length 12 exceeds the 8 images")
    assert (tmp_path / "out" / "backbone.safetensors").exists()


def test_a_checkpoint_of_other_settings_is_moved_aside_and_reported(arguments, tmp_path, capsys):
    folder = tmp_path / "out" / "checkpoints"
    folder.mkdir(parents=True)
    save_state(folder, {"settings_hash": "0123456789abcdef"}, step=3, kept=1)
    main(arguments("--proposals", "--annotations"))
    messages = [line for line in capsys.readouterr().err.splitlines() if "other settings, data or code" in line]
    aside = tmp_path / "out" / "checkpoints.stale-0123456789abcdef"
    assert messages == [f"pretrain tiny s0: the checkpoint was of other settings, data or code, moved to {aside}"]
    assert len(saved_states(aside)) == 1
    lines = (folder / METRICS).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4], "training starts from scratch"
