"""The door to semantic segmentation: from a run's weights to a result on a few drawn scenes, through kills and repeats."""

import json
import os
import subprocess
import sys
import time

import pytest

from objectcrop.evaluate.segmentation import training
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.tables import MANIFEST, empty_table, write_table
from workflow_scripts.draw_scenes import main as draw_scenes
from workflow_scripts.segment import main as segment

pytestmark = [pytest.mark.xdist_group("segment"), pytest.mark.usefixtures("one_thread")]

BACKBONE = BackboneSettings(arch="resnet18", width=0.125)
RUN = recorded(Run(dataset="d", method="random_init", backbone=BACKBONE))
DRAWN = {"source": "drawn", "num_train": 8, "num_test": 4, "width_px": 96, "height_px": 72, "num_classes": 3}
TASK = {"kind": "semantic_segmenter", "dataset": "few", "size_px": 32, "images_per_batch": 2, "precision": "float32"}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    settings = {"dataset_name": "few", "dataset": DRAWN}
    data = ["--data-root", str(folder / "data"), "--threads", "1"]
    draw_scenes(["--settings", json.dumps(settings), *data, "--out", str(folder / "drawn.json")])
    write_table(empty_table(MANIFEST), folder / "manifest.parquet", MANIFEST)  # only recorded: the devkit is read
    with seeded_weights(0):
        save_backbone(build_backbone(BACKBONE), folder / "b.safetensors", {"precision": "none"})
    return folder


def words(work, out, **task):
    settings = {"run_name": "r", "run": RUN, "task_name": "t", "task": TASK | task, "study_seed": 0}
    settings |= {"dataset_name": "few", "dataset": DRAWN}
    paths = {"data-root": "data", "manifest": "manifest.parquet", "backbone": "b.safetensors"}
    paths |= {"checkpoints": f"{out}.checkpoints", "out": f"{out}.json"}
    options = [word for name, path in paths.items() for word in (f"--{name}", str(work / path))]
    return ["--settings", json.dumps(settings), "--seed", "0", *options]


@pytest.fixture
def steps(monkeypatch):
    """Note the steps that are taken in this process."""
    noted, step = [], training._step
    monkeypatch.setattr(training, "_step", lambda *asked: noted.append(asked[3]) or step(*asked))
    return noted


def test_a_finished_one_says_what_was_measured_and_is_not_trained_again(work, steps, capsys):
    segment(words(work, "done", max_iterations=3))
    result = read_json(work / "done.json")
    assert result["settings_hash"] == settings_hash({"run": RUN, "task": TASK | {"max_iterations": 3}})
    assert result["precision"] == {"pretraining": "none", "evaluation": "float32"}
    assert set(result["metrics"]) == {"mIoU", "pixel_accuracy"}
    assert result["details"]["recipe"].startswith("own choice")
    assert steps == [0, 1, 2]
    assert not list((work / "done.checkpoints").rglob(training.STATE))
    assert list((work / "done.checkpoints").rglob(training.METRICS))

    written = (work / "done.json").read_bytes()
    (work / "done.json").unlink()
    segment(words(work, "done", max_iterations=3))
    assert (work / "done.json").read_bytes() == written
    assert len(steps) == 3
    assert "finished before" in capsys.readouterr().err


def test_an_edited_class_map_starts_from_scratch(work, steps):
    segment(words(work, "edited", max_iterations=2))
    (path, *_) = sorted((work / "data/drawn/few/VOC2007/SegmentationClass").iterdir())
    before = path.read_bytes()
    path.write_bytes(before + b"\0")
    try:
        segment(words(work, "edited", max_iterations=2))
    finally:
        path.write_bytes(before)
    assert steps == [0, 1, 0, 1]


def test_one_that_was_killed_resumes_and_ends_with_the_same_numbers(work, root, steps):
    """Killed as by the kernel, which no handler hears, after some step whose state was saved."""
    task = {"max_iterations": 30}
    segment(words(work, "whole", **task))
    steps.clear()
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow_scripts.segment", *words(work, "killed", **task), "--save-every-minutes", "0"],
        env=environment,
    )
    while not list((work / "killed.checkpoints").rglob(training.STATE)):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.wait() < 0
    assert not (work / "killed.json").exists()
    segment(words(work, "killed", **task))
    assert steps == list(range(steps[0], 30))
    assert steps[0] > 0
    whole, again = (read_json(work / f"{name}.json") for name in ("whole", "killed"))
    for part in ("metrics", "per_class", "details"):
        assert again[part] == whole[part]
