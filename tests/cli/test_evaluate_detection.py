"""The doors to export and fine-tuning: from a run's weights to a result, on a few drawn scenes."""

import contextlib
import json
import pickle
import signal
import subprocess
import sys
import time
import warnings
from collections import namedtuple

import numpy as np
import pytest
import torch
from PIL import Image

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.tables import MANIFEST, empty_table, write_table
from workflow_scripts.draw_scenes import main as draw_scenes
from workflow_scripts.export_backbone import main as export_backbone
from workflow_scripts.fine_tune import main as fine_tune

pytestmark = pytest.mark.xdist_group("evaluate-detection")  # its fixtures are made once

BACKBONE = BackboneSettings(arch="resnet18", width=0.125)
RUN = recorded(Run(dataset="d", method="random_init", backbone=BACKBONE))
DRAWN = {"source": "drawn", "num_train": 8, "num_test": 4, "width_px": 96, "height_px": 72, "num_classes": 3}
SCHEDULE = {
    "max_iterations": 3,
    "decay_iterations": [2],
    "warmup_iterations": 1,
    "images_per_batch": 2,
    "learning_rate": 0.01,
    "train_short_sides_px": [64],
    "test_short_side_px": 64,
    "precise_batch_norm_iterations": 1,
    "regions_per_image": 8,
    "test_regions_per_image": 10,
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    settings = {"dataset_name": "few", "dataset": DRAWN}
    data = ["--data-root", str(folder / "data"), "--threads", "1"]
    draw_scenes(["--settings", json.dumps(settings), *data, "--out", str(folder / "drawn.json")])
    write_table(
        empty_table(MANIFEST), folder / "manifest.parquet", MANIFEST
    )  # only recorded: Detectron2 reads the layout
    export(folder, 0)
    return folder


def export(folder, seed, name="b"):
    """Export a trunk of random weights; return its first kernel."""
    with seeded_weights(seed):
        trunk = build_backbone(BACKBONE)
    save_backbone(trunk, folder / f"{name}.safetensors", {})
    export_backbone(["--backbone", str(folder / f"{name}.safetensors"), "--out", str(folder / f"{name}.pkl")])
    return trunk.conv1.weight.detach().clone()


def command(work, kind, out, weights="b", **schedule):
    task = {"kind": kind, "dataset": "few", "schedule": SCHEDULE | schedule}
    settings = {"run_name": "r", "run": RUN, "task_name": "t", "task": task, "study_seed": 0}
    settings |= {"dataset_name": "few", "dataset": DRAWN}
    words = ["--settings", json.dumps(settings), "--seed", "0", "--data-root", str(work / "data")]
    words += [
        "--manifest",
        str(work / "manifest.parquet"),
        "--weights",
        str(work / f"{weights}.pkl"),
        "--checkpoints",
        str(work / f"{out}.checkpoints"),
    ]
    outputs = ["--out", str(work / f"{out}.json"), "--predictions", str(work / f"{out}.png")]
    return [sys.executable, "-m", "workflow_scripts.fine_tune", *words, *outputs], task


def test_an_export_holds_arrays_only(work):
    export = pickle.loads((work / "b.pkl").read_bytes())
    assert export["matching_heuristics"] is True
    assert export["__author__"]
    assert all(isinstance(value, np.ndarray) for value in export["model"].values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["detector", "segmenter"])
def test_the_result_says_what_was_measured_and_of_what(work, kind):
    words, task = command(work, kind, kind)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "FutureWarning" not in done.stderr
    result = read_json(work / f"{kind}.json")
    assert "shown" not in result
    with Image.open(work / f"{kind}.png") as sheet:
        assert sheet.size == (4 * 300 + 3 * 6, 225)
    assert result["settings_hash"] == settings_hash({"run": RUN, "task": task})
    assert {"AP", "AP50", "AP75"} <= result["metrics"].keys()
    assert ("mask_AP" in result["metrics"]) == (kind == "segmenter")
    metric = {"voc_metric": "11_points"} if kind == "detector" else {}
    assert result["details"] == {"norm": "BN", "num_test": 4, "learning_rate": 0.01} | metric


@pytest.mark.slow
def test_sigterm_saves_and_the_same_command_resumes(work):
    words, _ = command(work, "detector", "stopped", max_iterations=400, decay_iterations=[300])
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "training: " in line:
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "state saved" in output
    assert not (work / "stopped.json").exists()
    done = int(output.split("stopped after iteration ")[1].split(",")[0]) + 1

    again = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in again.stderr:
        if "training: " in line:
            again.send_signal(signal.SIGTERM)
            break
    again.communicate(timeout=60)
    first = int(line.split("training: ")[1].split("/")[0])
    assert first > done


Attempt = namedtuple("Attempt", "done stem out err")


@pytest.fixture
def interrupted(work, monkeypatch, capsys):
    """Start a fine-tuning in this process and stop it after its first iteration: what it did, said and saved."""

    @contextlib.contextmanager
    def stopped_at_once():
        request = StopRequest()
        request.signal = signal.SIGTERM
        yield request

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune.stop_requests", stopped_at_once)

    def attempt(name, **schedule):
        words, _ = command(work, "detector", name, name, warmup_iterations=0, learning_rate=1e-6, **schedule)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
            with pytest.raises(Stopped):
                fine_tune(words[3:])
        captured = capsys.readouterr()
        states = sorted((work / f"{name}.checkpoints").glob("*/state-*.pth"), key=lambda path: path.stat().st_mtime_ns)
        state = torch.load(states[-1], weights_only=False)
        stem = state["model"]["backbone.stem.conv1.weight"]
        return Attempt(state["iteration"] + 1, torch.as_tensor(stem), captured.out, captured.err)

    threads = torch.get_num_threads()
    yield attempt
    torch.set_num_threads(threads)  # the script sets its own


def test_new_weights_of_a_run_start_from_scratch_and_the_same_ones_resume(work, interrupted):
    first = export(work, 0, "replaced")
    assert interrupted("replaced").done == 1
    assert export(work, 0, "replaced").equal(first)
    resumed = interrupted("replaced")
    assert resumed.done == 2, "equal weights, written again, are the same ones"
    assert "from scratch" not in resumed.err

    second = export(work, 1, "replaced")
    assert not torch.allclose(first, second, atol=1e-2)
    fresh = interrupted("replaced")
    assert fresh.done == 1
    torch.testing.assert_close(fresh.stem, second, atol=1e-4, rtol=0)
    assert "starts from scratch; of other weights, data, settings or code, and not used: " in fresh.err
    assert f" of 1 in {work / 'replaced.checkpoints'}" in fresh.err
    assert interrupted("replaced").done == 2


def test_states_of_other_settings_are_reported_and_not_used(work, interrupted):
    export(work, 0, "other")
    interrupted("other")
    interrupted("other", max_iterations=4)
    fresh = interrupted("other", max_iterations=5)
    assert fresh.done == 1
    names = sorted(path.parent.name for path in (work / "other.checkpoints").glob("*/last_checkpoint"))
    named = [name for name in names if name in fresh.err]
    assert len(names) == 3
    assert len(named) == 2
    assert f"{', '.join(named)} of 2 in {work / 'other.checkpoints'}" in fresh.err


@pytest.mark.slow
def test_one_that_was_killed_resumes_behind_its_last_state(work, iterations):
    """Killed as by the kernel, which no handler hears."""
    words, _ = command(work, "detector", "killed", max_iterations=400, decay_iterations=[300])
    process = subprocess.Popen([*words, "--save-every-minutes", "0"], stderr=subprocess.DEVNULL)
    while not list((work / "killed.checkpoints").rglob("last_checkpoint")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    assert process.wait() < 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        short, _ = command(work, "detector", "killed", max_iterations=400, decay_iterations=[300])
        fine_tune(short[3:])
    assert 0 < iterations[0] < 400
    assert iterations == list(range(iterations[0], 400))


@pytest.fixture
def iterations(monkeypatch):
    """Count the iterations that are trained in this process."""
    counted = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        from objectcrop.evaluate.detection.training import _Trainer

    step = _Trainer.run_step
    monkeypatch.setattr(_Trainer, "run_step", lambda trainer: counted.append(trainer.iter) or step(trainer))
    threads = torch.get_num_threads()
    yield counted
    torch.set_num_threads(threads)


def finish(work, name, *more):
    """Fine-tune to the end in this process; return the bytes of the result, which is removed as Snakemake does."""
    words, _ = command(work, "detector", name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        fine_tune([*words[3:], *more])
    result = work / f"{name}.json"
    written = result.read_bytes()
    result.unlink()
    (work / f"{name}.png").unlink()
    return written


@pytest.mark.slow
def test_a_finished_one_writes_its_result_again_and_trains_nothing(work, iterations, capsys):
    written = finish(work, "done", "--code", "c0de")
    assert len(iterations) == 3
    folder = work / "done.checkpoints"
    assert not list(folder.glob("*/state-*.pth"))
    iterations.clear()
    assert finish(work, "done", "--code", "c0de") == written
    assert iterations == []
    assert "finished before" in capsys.readouterr().err

    (record,) = folder.glob("*/finished/result.json")
    record.write_bytes(written.replace(b"AP50", b"AP51"))
    again = json.loads(finish(work, "done", "--code", "c0de"))
    assert len(iterations) == 3
    assert f"{record}: damaged" in capsys.readouterr().err
    assert again["metrics"] == json.loads(written)["metrics"]


@pytest.mark.slow
def test_a_finished_one_of_other_annotations_or_code_is_not_used_and_named(work, iterations, capsys):
    finish(work, "edited")
    (first,) = (work / "edited.checkpoints").glob("*/finished")
    finish(work, "edited", "--code", "0ther")
    assert len(iterations) == 6
    (aside,) = (work / "edited.checkpoints").glob(f"{first.parent.name}.stale-{first.parent.name}")
    assert (aside / "finished" / "result.json").is_file()
    assert f"moved to {aside}" in capsys.readouterr().err

    annotation = sorted((work / "data/drawn/few/VOC2007/Annotations").iterdir())[0]
    before = annotation.read_text()
    annotation.write_text(before.replace("<xmin>", "<xmin>1"))
    try:
        finish(work, "edited", "--code", "0ther")
    finally:
        annotation.write_text(before)
    assert len(iterations) == 9
    assert f"and not used: {first.parent.name}, {aside.name} of 2 in" in capsys.readouterr().err
