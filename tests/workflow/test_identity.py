"""On a finished study: after which change are which results rejected by name, and which rules does Snakemake plan for them."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from objectcrop.identity.chain import Chain
from objectcrop.identity.lineage import newest_lineage
from tests.conftest import Workflow
from tests.workflow.studies import overlay, stale_results, without

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

LINEAR = {f"{run}/linear" for run in ("random-init", "supervised", "scene-scene", "obj-dilate", "oac")}
DETECTION = {f"{run}/{task}" for run in ("random-init", "oac") for task in ("detect-voc", "segment-coco")}
OF_LOD = {"obj-dilate/linear", "oac/linear", "oac/detect-voc", "oac/segment-coco"}
OF_OAC = {"oac/linear", "oac/detect-voc", "oac/segment-coco"}


@contextmanager
def bytes_of(path, edit):
    """Edit a file, with a new time; put bytes and times back afterwards."""
    stat, before = path.stat(), path.read_bytes()
    path.write_bytes(edit(before))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_nothing_is_stale_at_first_and_the_plan_knows_every_file(study, monkeypatch):
    assert study.planned(*Workflow.tiny) == {}
    assert stale_results(study) == set()
    monkeypatch.chdir(study.folder)
    lineage = newest_lineage(Path("results/lineage"))
    chain, rules = Chain(lineage), set()
    for path in sorted(Path("results").rglob(".records/*.json")):
        file = (path.parent.parent / path.stem).as_posix()
        assert chain.problem(file) is None
        assert lineage.find(file) is not None, file
        rules.add(lineage.find(file).rule)
    assert rules == study.planned(*Workflow.tiny, "--forceall").keys() - {"all"}


SETTINGS = {
    "rules of the subset": ("datasets: {ohms: {min_images_per_class: 5}}", LINEAR | OF_OAC, "select_ohms"),
    "features of LOD": ("proposals: {lod: {max_regions: 23}}", OF_LOD, "extract_features"),
    "neighbours of LOD": ("proposals: {lod: {num_neighbours: 2}}", OF_LOD, "find_neighbours"),
    "scores of LOD": ("proposals: {lod: {max_scores_per_pair: 99}}", OF_LOD, "score_pairs"),
    "ranking of LOD": ("proposals: {lod: {max_iterations: 49}}", OF_LOD, "rank_regions"),
    "selection of LOD": ("proposals: {lod: {max_overlap: 0.31}}", OF_LOD, "select_proposals"),
    "a run": ("runs: {oac: {losses: {rotation: 0.9}}}", OF_OAC, "pretrain"),
    "a task": ("tasks: {linear: {epochs: 5}}", LINEAR, "evaluate_linear"),
    "another task": (
        "tasks: {detect-voc: {voc_metric: area}}",
        {"random-init/detect-voc", "oac/detect-voc"},
        "fine_tune",
    ),
    "the seed of the study": ("seed: 77", LINEAR | DETECTION, "pretrain"),
}


@pytest.mark.parametrize("level", SETTINGS)
def test_other_settings_reject_just_what_they_change(study, level):
    text, stale, rule = SETTINGS[level]
    planned = study.planned(*overlay(study, text))
    assert stale_results(study) == stale
    assert rule in planned
    linear = {name for name in stale if name.endswith("/linear")}
    assert planned.get("evaluate_linear", 0) == len(linear)
    assert planned.get("fine_tune", 0) == len(stale - linear)


def test_no_plan_with_other_settings_leaves_a_trace(study):
    """After all of these, or this one alone."""
    study.planned(*overlay(study, SETTINGS["a run"][0]))
    assert study.planned(*Workflow.tiny) == {}
    assert stale_results(study) == set()


FILES = {
    "proposals": ("results/proposals/ohms/lod.parquet", OF_LOD, "select_proposals"),
    "a backbone that LOD takes features from": (
        "results/pretrain/scene-scene/s0/backbone.safetensors",
        OF_LOD | {"scene-scene/linear"},
        "pretrain",
    ),
    "a list of images": ("results/ohms/ohms/images.parquet", LINEAR | OF_OAC, "select_ohms"),
    "a result": ("results/eval/oac/s0/linear.json", {"oac/linear"}, "evaluate_linear"),
}


@pytest.mark.parametrize("kind", FILES)
def test_an_edited_file_rejects_just_what_was_made_from_it_and_what_was_made_before_holds_without_it(study, kind):
    file, stale, rule = FILES[kind]
    path = study.folder / file
    with bytes_of(path, lambda data: data + b" "):
        assert stale_results(study) == stale
        planned = study.planned(*Workflow.tiny)
        path.unlink()
        assert stale_results(study) == set()
        assert study.planned(*Workflow.tiny) == {}
        assert rule in study.planned(file, *Workflow.tiny)
    linear = {name for name in stale if name.endswith("/linear")}
    assert planned.get("evaluate_linear", 0) == len(linear)
    assert planned.get("fine_tune", 0) == len(stale - linear)


def test_a_damaged_manifest_is_named_when_the_study_is_planned(study):
    file = "results/images/ohms/manifest.parquet"
    with bytes_of(study.folder / file, lambda data: data[:-9] + b"x" + data[-8:]):
        done = study.run(*Workflow.tiny, "--dry-run", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{file}: cannot be read as Parquet" in said
    assert "remove it and run" in said
    assert "Traceback" not in said
    assert "ValueError" not in said


def test_an_edited_image_is_indexed_again_with_all_that_saw_it_and_a_touched_one_is_not(study):
    image = sorted((study.folder / "data/drawn/drawn/train").glob("*.jpg"))[0]
    os.utime(image)
    assert study.planned(*Workflow.tiny) == {}
    with bytes_of(image, lambda data: data + b"\0"):
        planned = study.planned(*Workflow.tiny)
        assert stale_results(study) == LINEAR | DETECTION
    assert study.planned(*Workflow.tiny) == {}
    assert (planned["index_images"], planned["evaluate_linear"], planned["fine_tune"]) == (2, 5, 4)
    assert "select_ohms" not in planned  # annotations are the same


def test_edited_annotations_are_read_again_with_all_that_follows(study):
    record = sorted((study.folder / "data/drawn/drawn/records").glob("*.json"))[0]
    with bytes_of(record, lambda data: data + b" "):
        planned = study.planned(*Workflow.tiny)
        assert stale_results(study) == LINEAR | DETECTION
    assert {"read_annotations", "select_ohms", "evaluate_linear", "fine_tune"} <= planned.keys()


EXTERNAL = """
runs:
  outside:
    method: external
    backbone: {{arch: resnet18, width: 0.125, weights: outside.safetensors{pin}}}
    resources: {{cpus: 1, gpus: 0, memory_mb: 2000, hours: 1}}
tables:
  outside-demo:
    title: Weights from a file
    columns: [{{task: linear, metric: map, label: mAP}}]
    rows: [{{label: Outside, run: outside}}, {{label: Random initialisation, run: random-init}}]
"""


def test_replaced_weights_from_outside_are_read_again_and_pinned_ones_are_rejected(study):
    weights = study.folder / "data/outside.safetensors"
    shutil.copyfile(study.folder / "results/pretrain/random-init/s0/backbone.safetensors", weights)
    arguments = ("outside-demo", *overlay(study, EXTERNAL.format(pin="")))
    study.run(*arguments)
    assert study.planned(*arguments) == {}
    shutil.copyfile(study.folder / "results/pretrain/oac/s0/backbone.safetensors", weights)
    assert stale_results(study, "outside-demo") == {"outside/linear"}
    planned = study.planned(*arguments)
    assert (planned["pretrain"], planned["evaluate_linear"]) == (1, 1)
    pinned = overlay(study, EXTERNAL.format(pin=f", weights_sha256: '{'0' * 64}'"))
    done = study.run("outside-demo", *pinned, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "data/outside.safetensors" in said
    assert "0" * 64 in said
    for folder in ("pretrain/outside", "eval/outside"):  # other tests go through all files
        shutil.rmtree(study.folder / "results" / folder)
    for table in (study.folder / "results/tables").rglob("outside-demo*"):
        table.unlink()


def test_a_snakemake_blind_to_settings_renders_no_table_of_old_results(study):
    """Only times count, and the data set's rules changed: the old results are refused by name."""
    arguments = overlay(study, "datasets: {ohms: {min_images_per_class: 5}}")
    done = study.run("linear-demo", *arguments, "--rerun-triggers", "mtime", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for name in sorted(LINEAR):
        run, task = name.split("/")
        assert f"results/eval/{run}/s0/{task}.json was made from results/" in said
    assert "min_images_per_class was 4, is 5" in said
    allowed = overlay(study, "datasets: {ohms: {min_images_per_class: 5}}\nallow_stale: true")
    study.run("linear-demo", *allowed, "--rerun-triggers", "mtime")
    text = (study.folder / "results/tables/linear-demo.md").read_text()
    assert text.count("(stale)") >= 5
    assert "Stale: results/eval/oac/s0/linear.json was made from" in text
    study.run("linear-demo", *Workflow.tiny, "--rerun-triggers", "mtime")
    assert "stale" not in (study.folder / "results/tables/linear-demo.md").read_text()


def outputs(study, run):
    """What its linear evaluation writes."""
    return [study.folder / f"results/eval/{run}/s0/linear{suffix}" for suffix in (".json", ".scores.npz")]


def test_a_job_that_outlived_snakemake_does_not_pass_for_what_is_asked_now(study):
    """An orphan finished with the old settings, and Snakemake knows nothing of it: the next job compares, and refuses."""
    arguments = overlay(study, "runs: {scene-scene: {optimizer: {epochs: 1}}}")
    lost = outputs(study, "scene-scene")
    with without(study.folder / ".snakemake/metadata", *lost):
        done = study.run("results/eval/scene-scene/s0/linear.json", *arguments, check=False)
        assert not any(path.exists() for path in lost)
    assert done.returncode != 0
    assert (
        "results/pretrain/scene-scene/s0/backbone.safetensors was made with other settings" in done.stdout + done.stderr
    )
    assert "run.optimizer.epochs was 2, is 1" in done.stdout + done.stderr


def test_flipped_bytes_of_weights_stop_the_evaluation(study):
    """Size and time are as before, as where a disk rots: planning sees nothing, the job that reads them does."""
    weights = study.folder / "results/pretrain/oac/s0/backbone.safetensors"

    def flip(data):
        middle = len(data) // 2
        return data[:middle] + bytes(byte ^ 255 for byte in data[middle : middle + 64]) + data[middle + 64 :]

    stat = weights.stat()
    with bytes_of(weights, flip), without(*outputs(study, "oac")):
        os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        done = study.run("results/eval/oac/s0/linear.json", *Workflow.tiny, check=False)
    assert done.returncode != 0
    assert (
        f"{weights.relative_to(study.folder)}: its bytes are not those that pretrain wrote" in done.stdout + done.stderr
    )
