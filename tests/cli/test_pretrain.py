"""The door to pretraining."""

import hashlib
import json
import random

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
from pydantic import ValidationError

from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.ssl.training.checkpoints import METRICS, save_state, saved_states
from objectcrop.ssl.training.loop import Training
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table, write_table
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
    assert not list((out / "checkpoints").glob("*.pt")), "the record of the end replaces them"


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


VIEWS = {"size_px": 32, "regions": ["object", "dilated_object"], "proposals": "lod"}
ROTATION = {"rotation": 1}
OUTPUTS = ("backbone.safetensors", "summary.json")


@pytest.fixture
def finished(arguments, tmp_path):
    """Train to the end, then remove the outputs as Snakemake does: what they were, and a way to start the job again."""
    words = arguments(*proposals(tmp_path), "--annotations", "--code", "c0de", views=VIEWS, losses=ROTATION)
    main(words)
    out = tmp_path / "out"
    written = {name: (out / name).read_bytes() for name in OUTPUTS}

    def again(*more):
        for name in OUTPUTS:
            (out / name).unlink(missing_ok=True)
        main([*words, *more])
        return {name: (out / name).read_bytes() for name in OUTPUTS}

    return written, again


@pytest.fixture
def steps(monkeypatch):
    """Count the steps that are trained from here on."""
    counted, step = [], Training._step

    def counting(training, parts):
        counted.append(training.clock.step)
        step(training, parts)

    monkeypatch.setattr(Training, "_step", counting)
    return counted


def test_a_finished_training_writes_its_outputs_again_and_trains_no_step(finished, steps, capsys):
    written, again = finished
    assert again() == written
    assert steps == []
    assert "the job was finished before" in capsys.readouterr().err


def test_proposals_made_again_at_another_cost_are_the_same_data(finished, steps, tmp_path):
    written, again = finished
    write_json(tmp_path / "proposals.json", read_json(tmp_path / "proposals.json") | {"cost": 1.5})
    assert again() == written
    assert steps == []


@pytest.mark.parametrize("name", ["backbone.safetensors", "summary.json", "record.json"])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_record_is_reported_in_a_line_and_the_training_starts_again(
    finished, steps, tmp_path, capsys, name, seed
):
    written, again = finished
    record = tmp_path / "out/checkpoints/finished" / name
    damaged = bytearray(record.read_bytes())
    place = random.Random(seed).randrange(len(damaged))
    damaged[place] ^= 1 << seed
    record.write_bytes(damaged)
    capsys.readouterr()
    after = again()
    assert steps == [0, 1, 2, 3]
    assert after["backbone.safetensors"] == written["backbone.safetensors"]
    error = capsys.readouterr().err
    reports = [line for line in error.splitlines() if "finished" in line or "moved to" in line]
    assert len(reports) == 1, error
    assert again() == after, "the new record is whole"


def test_a_training_resumes_from_its_states_if_the_record_is_damaged(finished, steps, tmp_path):
    written, again = finished
    (tmp_path / "out/checkpoints/finished/backbone.safetensors").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("objectcrop.ssl.to_files.remove_states", lambda folder: None)
        again()
    assert len(saved_states(tmp_path / "out/checkpoints")) == 1
    (tmp_path / "out/checkpoints/finished/backbone.safetensors").write_bytes(b"")
    steps.clear()
    assert again()["backbone.safetensors"] == written["backbone.safetensors"]
    assert steps == []


def changed_boxes(tmp_path):
    boxes = read_table(tmp_path / "proposals.parquet", PROPOSALS)
    write_table(boxes.assign(x1=boxes["x1"] + 1), tmp_path / "proposals.parquet", PROPOSALS)


def changed_image(tmp_path):
    manifest = read_table(tmp_path / "manifest.parquet", MANIFEST)
    write_table(manifest.assign(path=manifest["path"].str.replace("i0", "i1")), tmp_path / "manifest.parquet", MANIFEST)


def changed_least_scale(tmp_path):
    write_json(tmp_path / "proposals.json", read_json(tmp_path / "proposals.json") | {"object_scale_min": 0.3})


@pytest.mark.parametrize(
    ("change", "more"),
    [
        (changed_boxes, []),
        (changed_image, []),
        (changed_least_scale, []),
        (lambda tmp_path: None, ["--seed", "1"]),
        (lambda tmp_path: None, ["--code", "0ther"]),
    ],
)
def test_a_record_of_other_data_settings_or_code_is_moved_aside(finished, steps, tmp_path, capsys, change, more):
    written, again = finished
    change(tmp_path)
    assert again(*more) != written
    assert steps == [0, 1, 2, 3]
    (aside,) = tmp_path.glob("out/checkpoints.stale-*")
    assert f"the checkpoint was of other settings, data or code, moved to {aside}" in capsys.readouterr().err
    assert {name: (aside / "finished" / name).read_bytes() for name in OUTPUTS} == written
    assert len((aside / METRICS).read_text().splitlines()) == 4
    steps.clear()
    assert again(*more)
    assert steps == [], "the new one has a record of its own"
