"""The door to linear evaluation."""

import json
import os
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.scores import read_scores, recompute_metrics
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.signals import Stopped
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.tables import ANNOTATIONS, MANIFEST, write_table
from tests.ssl.processes import finish, start
from workflow_scripts.evaluate_linear import main

BACKBONE = BackboneSettings(arch="resnet18", width=0.125)
RUN = recorded(Run(dataset="d", method="random_init", backbone=BACKBONE))
TASK = {"kind": "linear", "dataset": "d", "size_px": 32, "resize_px": 32, "epochs": 2, "cached_views": 1}


@pytest.fixture
def arguments(tmp_path):
    rng = np.random.default_rng(0)
    manifest, labels = [], []
    for number in range(10):
        split = "train" if number < 6 else "test"
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 256, (32, 40, 3), dtype=np.uint8))
        manifest.append((str(number), f"{number}.png", 40, 32, 1, split, ""))
        labels.append((str(number), "ab"[number % 2], 0, 0, 1, 1, False, False, False, "s", split))
    for rows, schema in ((manifest, MANIFEST), (labels, ANNOTATIONS)):
        write_table(pd.DataFrame(rows, columns=list(schema.columns)), tmp_path / f"{schema.name}.parquet", schema)
    with seeded_weights(0):
        save_backbone(build_backbone(BACKBONE), tmp_path / "b.safetensors", {})

    def make(**task):
        settings = {"run_name": "r", "run": RUN, "task_name": "linear", "task": TASK | task, "study_seed": 0}
        files = {"data-root": "", "manifest": "manifest.parquet", "annotations": "annotations.parquet"}
        files |= {"backbone": "b.safetensors", "out": "out/linear.json", "scores": "out/linear.scores.npz"}
        files |= {"checkpoints": "out/checkpoints"}
        words = [word for name, file in files.items() for word in (f"--{name}", str(tmp_path / file))]
        return ["--settings", json.dumps(settings), "--seed", "1", *words]

    return make


def test_the_result_says_what_was_measured_and_of_what(arguments, tmp_path):
    main(arguments())
    result = read_json(tmp_path / "out/linear.json")
    assert (result["run"], result["task"], result["seed"]) == ("r", "linear", 1)
    assert result["settings_hash"] == settings_hash({"run": RUN, "task": TASK})
    sizes = {"map_small", "map_medium", "map_large"}
    assert result["metrics"].keys() == {"map", "micro_ap", "map_batched_256", "map_batched_32", "learning_rate", *sizes}
    measured = {name: value for name, value in result["metrics"].items() if value is not None}
    assert sizes - measured.keys() == {"map_small", "map_large"}  # all objects are of 40 x 32 pixels
    assert all(0 <= value <= 100 for value in measured.values())
    low, high = result["intervals"]["map"]
    assert low <= result["metrics"]["map"] <= high
    assert result["per_class"].keys() == {"a", "b"}
    assert {"provenance", "cost", "settings", "details"} <= result.keys()


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_the_precision_of_the_training_is_read_from_the_weights(arguments, tmp_path, precision):
    with seeded_weights(0):
        save_backbone(build_backbone(BACKBONE), tmp_path / "b.safetensors", {"precision": precision})
    main(arguments(precision="as_trained"))
    assert read_json(tmp_path / "out/linear.json")["precision"] == {"pretraining": precision, "evaluation": precision}


def test_the_metrics_can_be_computed_again_from_the_scores(arguments, tmp_path):
    main(arguments())
    result = read_json(tmp_path / "out/linear.json")
    metrics, per_class, _ = recompute_metrics(tmp_path / "out/linear.scores.npz")
    learning_rate = {"learning_rate": result["metrics"]["learning_rate"]}
    # of four test images: a score would have to tie with its neighbour in 11 bits to matter
    assert metrics | learning_rate == pytest.approx(result["metrics"])
    assert per_class == pytest.approx(result["per_class"])
    scores = read_scores(tmp_path / "out/linear.scores.npz")
    assert scores.image_ids == ("6", "7", "8", "9")
    assert scores.labels.tolist() == [[True, False], [False, True]] * 2


def test_a_user_reads_one_plain_message(arguments):
    words = arguments(learning_rates=[1.0, 2.0], held_out_share=0.0)
    command = [sys.executable, "-m", "workflow_scripts.evaluate_linear", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith("error: linear task: 2 learning_rates and held_out_share 0.0")
    )
    assert "Traceback" not in done.stderr


def test_images_without_labels_are_rejected(arguments, tmp_path):
    write_table(pd.DataFrame(columns=list(ANNOTATIONS.columns)), tmp_path / "annotations.parquet", ANNOTATIONS)
    with pytest.raises(ValueError, match="needs a data set with labels"):
        main(arguments())


def outputs(tmp_path):
    result = read_json(tmp_path / "out/linear.json")
    return {name: result[name] for name in ("metrics", "per_class")}, (tmp_path / "out/linear.scores.npz").read_bytes()


def stop_at_step(monkeypatch, number, how):
    """Send this process a signal in the step of that number."""
    step, calls = LinearLayers.step, []

    def signalled(self, features, targets):
        calls.append(None)
        if len(calls) == number:
            os.kill(os.getpid(), how)
        return step(self, features, targets)

    monkeypatch.setattr(LinearLayers, "step", signalled)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_its_code_after_saving_and_the_next_start_resumes(arguments, tmp_path, monkeypatch, how):
    words = arguments(epochs=20)
    main(words)
    whole = outputs(tmp_path)
    shutil.rmtree(tmp_path / "out")
    with monkeypatch.context() as patched:
        stop_at_step(patched, 7, how)
        with pytest.raises(Stopped) as stopped:
            main(words)
    assert stopped.value.code == 128 + how
    assert not (tmp_path / "out/linear.json").exists()
    assert list(tmp_path.glob("out/checkpoints/*/state-*.pt"))
    monkeypatch.setattr(LinearLayers, "step", counted := Counted(LinearLayers.step))
    main(words)
    assert outputs(tmp_path) == whole
    assert counted.number == 20 - 7
    assert not list(tmp_path.glob("out/checkpoints/*/*.pt")), "its states are removed"


class Counted:
    """A method that counts its calls."""

    def __init__(self, method):
        self.method, self.number = method, 0

    def __get__(self, owner, kind=None):
        def call(*words):
            self.number += 1
            return self.method(owner, *words)

        return call


def test_a_finished_one_writes_its_outputs_again_without_computing(arguments, tmp_path, monkeypatch, capsys):
    words = [*arguments(), "--code", "c1"]
    main(words)
    before = [(tmp_path / name).read_bytes() for name in ("out/linear.json", "out/linear.scores.npz")]
    for name in ("out/linear.json", "out/linear.scores.npz"):
        (tmp_path / name).unlink()
    monkeypatch.setattr(LinearLayers, "step", counted := Counted(LinearLayers.step))
    main(words)
    assert [(tmp_path / name).read_bytes() for name in ("out/linear.json", "out/linear.scores.npz")] == before
    assert counted.number == 0
    assert "the job was finished before, its outputs are written again" in capsys.readouterr().err
    main([*words[:-1], "c2"])
    assert counted.number == 2
    printed = capsys.readouterr().err
    assert printed.count("the finished job was of other settings, data or code, its record is moved to ") == 1


def test_states_of_other_settings_are_named_in_one_line_and_not_used(arguments, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        stop_at_step(patched, 3, signal.SIGTERM)
        with pytest.raises(Stopped):
            main(arguments(epochs=20))
    (stale,) = (path.parent.name for path in tmp_path.glob("out/checkpoints/*/state-*.pt"))
    capsys.readouterr()
    monkeypatch.setattr(LinearLayers, "step", counted := Counted(LinearLayers.step))
    main(arguments(epochs=19))
    assert counted.number == 19
    lines = [line for line in capsys.readouterr().err.splitlines() if "starts from scratch" in line]
    assert lines == [
        "linear r s1 linear: starts from scratch; of other weights, data, settings or code, and not used: "
        f"{stale} of 1 in {tmp_path / 'out/checkpoints'}"
    ]


def test_one_command_at_a_time_evaluates_in_a_folder(arguments, tmp_path):
    with run_lock(tmp_path / "out/checkpoints/lock"), pytest.raises(ValueError, match="another process trains in this"):
        main(arguments())


def test_of_two_processes_the_first_writes_and_both_end_when_the_result_is_there(arguments, tmp_path, capfd):
    words = [*arguments(cached_views=None, batch_size=3), "--save-every-minutes", "0"]
    assert finish(start(main, 2, words)) == [0, 0]
    result = read_json(tmp_path / "out/linear.json")
    assert 0 <= result["metrics"]["map"] <= 100
    assert (tmp_path / "out/.records/linear.json.json").is_file()
    assert not list(tmp_path.glob("out/checkpoints/*/*.pt"))
    printed = capfd.readouterr().err
    assert printed.count("linear: layer: 12/12 images (100%)  done in ") == 1
    assert finish(start(main, 2, words)) == [0, 0]
    assert capfd.readouterr().err.count("the job was finished before") == 1
    assert read_json(tmp_path / "out/linear.json") == result
