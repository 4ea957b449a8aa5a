"""The door to linear evaluation."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from objectcrop.evaluate.linear.scores import read_scores, recompute_metrics
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.tables import ANNOTATIONS, MANIFEST, write_table
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
        words = [word for name, file in files.items() for word in (f"--{name}", str(tmp_path / file))]
        return ["--settings", json.dumps(settings), "--seed", "1", *words]

    return make


def test_the_result_says_what_was_measured_and_of_what(arguments, tmp_path):
    main(arguments())
    result = read_json(tmp_path / "out/linear.json")
    assert (result["run"], result["task"], result["seed"]) == ("r", "linear", 1)
    assert result["settings_hash"] == settings_hash({"run": RUN, "task": TASK})
    assert result["metrics"].keys() == {"map", "map_batched_256", "map_batched_32", "learning_rate"}
    assert all(0 <= value <= 100 for value in result["metrics"].values())
    assert result["per_class"].keys() == {"a", "b"}
    assert {"provenance", "cost", "settings", "details"} <= result.keys()


def test_the_metrics_can_be_computed_again_from_the_scores(arguments, tmp_path):
    main(arguments())
    result = read_json(tmp_path / "out/linear.json")
    metrics, per_class = recompute_metrics(tmp_path / "out/linear.scores.npz")
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
