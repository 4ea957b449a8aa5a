"""On a finished study: what reruns after which change."""

import json
import os
import re

import pytest

from objectcrop.runtime.lock import Lock, run_lock
from objectcrop.study.plan import paths
from objectcrop.study.plan.paths import RUNNING

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

MOVED_IN_TIME = (
    "results/proposals/ohms/lod.parquet",
    "results/pretrain/scene-scene/s0/*.*",
    "results/lod/ohms/lod/*.npz",
)
IN_REPORT = (
    *(paths.TABLE_MARKDOWN, paths.PREDICTIONS, paths.CONTACT_SHEET, paths.VIEW_SHEET, paths.PAGE),
    *(f"{folder}/*.svg" for folder in (paths.CLASS_FIGURES, paths.FIGURES, paths.SUBSET_FIGURES)),
)
HEIRS_OF_LINEAR = {"render_table", "draw_figures", "analyse_classes", "write_report", "all"}


def rules(finished, *arguments):
    return set(finished.planned(*finished.tiny, *arguments))


def test_a_second_run_does_nothing(finished):
    assert rules(finished) == set()
    assert "Nothing to be done" in (done := finished.run(*finished.tiny)).stdout + done.stderr


def test_touching_every_source_reruns_nothing(finished):
    for path in finished.folder.rglob("*.py"):
        os.utime(path)
    for path in (finished.folder / "rules").glob("*.smk"):
        os.utime(path)
    assert rules(finished) == set()


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_was_set_reruns_nothing(finished, hours):
    """What is made from a file has an earlier time than it then, or the other way round; contents count."""
    changed = {path: path.stat() for name in MOVED_IN_TIME for path in finished.folder.glob(name)}
    assert len(changed) >= len(MOVED_IN_TIME)
    for path, stat in changed.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + hours * 3600 * 10**9))
    try:
        assert rules(finished) == set()
    finally:
        for path, stat in changed.items():
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize(
    "file", ["objectcrop/boxes.py", "objectcrop/evaluate/average_precision.py", "workflow_scripts/pretrain.py"]
)
def test_a_comment_reruns_nothing(finished, file):
    with finished.edited(file, "\nimport ", "\n# a comment\nimport "):
        assert rules(finished) == set()


def test_a_formula_of_the_metric_reruns_the_linear_evaluation_and_its_heirs_only(finished):
    with finished.edited("objectcrop/evaluate/average_precision.py", "num_images).mean()", "num_images).max()"):
        assert rules(finished) == {"evaluate_linear"} | HEIRS_OF_LINEAR


def test_a_formula_of_the_report_reruns_the_page_only(finished):
    with finished.edited("workflow_scripts/write_report.py", "def main(", "EXTRA = 1\n\n\ndef main("):
        assert rules(finished) == {"write_report", "all"}


def test_a_formula_of_the_selection_reruns_what_comes_from_the_subset(finished):
    with finished.edited("objectcrop/ohms.py", ">=", ">"):
        planned = rules(finished)
    assert {"select_ohms", "index_images", "pretrain", "evaluate_linear"} <= planned
    assert "draw_scenes" not in planned


def test_a_loss_is_guarded_by_its_recipe_number_unless_content_is_tracked(finished):
    with finished.edited("objectcrop/ssl/losses/contrastive.py", "/ temperature", "/ temperature * 1.5"):
        assert rules(finished) == set()
        (finished.folder / "content.yaml").write_text("tracking: {pretrain: content}\n")
        assert "pretrain" in rules(finished, "presets/tiny.yaml", "content.yaml")


def test_a_setting_of_one_run_reruns_it_and_its_heirs(finished):
    with finished.edited("presets/tiny.yaml", "rotation: 1.0", "rotation: 0.5"):
        jobs = finished.planned(*finished.tiny)
    assert jobs["pretrain"] == 1
    assert jobs["evaluate_linear"] == 1
    assert "extract_features" not in jobs


def test_forcing_a_stage_plans_that_stage_and_its_heirs_only(finished):
    assert rules(finished, "--forcerun", "evaluate_linear") == {"evaluate_linear"} | HEIRS_OF_LINEAR


def test_the_snakemake_report_is_built_without_a_network(finished):
    finished.run(*finished.tiny, "--report", "report.html")
    assert (finished.folder / "report.html").stat().st_size > 10_000
    for pattern in IN_REPORT:
        files = list(finished.folder.glob(re.sub(r"\{\w+\}", "*", pattern)))
        assert files, pattern
        # the page holds its images, as it stands alone
        most = 5_000_000 if pattern == paths.PAGE else 1_000_000
        assert max(file.stat().st_size for file in files) < most, pattern


RANKING = "results/lod/ohms/lod/ranking.npz"


def test_a_killed_shard_is_made_again_alone(finished):
    lost = [finished.folder / path for path in ("results/lod/ohms/lod/scores/1.npz", RANKING)]
    for path in lost:
        path.rename(path.with_suffix(".kept"))
    try:
        jobs = finished.planned(RANKING, *finished.tiny)
    finally:
        for path in lost:
            path.with_suffix(".kept").rename(path)
    assert jobs == {"score_pairs": 1, "rank_regions": 1}


@pytest.mark.parametrize(
    ("shards", "expected"),
    [
        ("num_shards: 2\n    num_score_shards: 3", {"score_pairs": 3, "rank_regions": 1}),
        (
            "num_shards: 3\n    num_score_shards: 2",
            {"extract_features": 3, "find_neighbours": 1, "score_pairs": 2, "rank_regions": 1},
        ),
        ("num_shards: 2\n    ranking_processes: 2", {}),
        ("num_shards: 2\n    max_boxes: 5", {}),
        ("num_shards: 2\n    max_iterations: 7", {"rank_regions": 1}),
    ],
)
def test_another_number_of_shards_reruns_what_they_hold_and_its_heirs(finished, shards, expected):
    with finished.edited("presets/tiny.yaml", "num_shards: 2", shards):
        assert finished.planned(RANKING, *finished.tiny) == expected


def test_a_training_that_ended_after_its_snakemake_was_killed_is_not_trained_again(finished):
    """Snakemake knows nothing of its end, removes the outputs and starts the job again: they come back, byte by byte."""
    folder = finished.folder / "results/pretrain/oac/s0"
    lost = {path: path.read_bytes() for path in (folder / "backbone.safetensors", folder / "summary.json")}
    metrics = (folder / "checkpoints/metrics.jsonl").read_bytes()
    for path in lost:
        path.rename(path.with_suffix(".kept"))
    try:
        done = finished.run("results/pretrain/oac/s0/backbone.safetensors", *finished.tiny)
        assert {path: path.read_bytes() for path in lost} == lost
    finally:
        for path in lost:
            path.with_suffix(".kept").rename(path)
    assert "1 of 1 steps (100%) done" in done.stdout + done.stderr
    assert "the job was finished before, its outputs are written again" in done.stdout + done.stderr
    assert (folder / "checkpoints/metrics.jsonl").read_bytes() == metrics


RESULT = "results/eval/oac/s0/linear.json"


def test_a_job_that_outlived_snakemake_keeps_a_second_one_from_its_files_by_name(finished):
    """Nothing is removed or started."""
    job = {"rule": "evaluate_linear", "outputs": [RESULT], "host": "elsewhere", "pid": 4711}
    lock = Lock(finished.folder / RUNNING / "a.json", json.dumps(job))
    log = finished.folder / "logs/evaluate_linear/oac-s0-linear.log"
    before = log.read_bytes(), (finished.folder / RESULT).read_bytes()
    done = finished.run(RESULT, "--forcerun", RESULT, *finished.tiny, check=False)
    lock.release(remove=True)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{RESULT} is being written by evaluate_linear (process 4711 on elsewhere)" in said
    assert "wait until it ends, or stop it (kill 4711 on elsewhere), and run the same command again" in said
    assert "Traceback" not in said
    assert (log.read_bytes(), (finished.folder / RESULT).read_bytes()) == before


def test_what_a_forced_run_left_undone_is_made_although_what_comes_after_it_is_there(finished):
    """Its result is gone, the table is not: the command without --forcerun finds something to be done."""
    outputs = [finished.folder / path for path in (RESULT, RESULT.replace(".json", ".scores.npz"))]
    kept = {path: (path.read_bytes(), path.stat()) for path in outputs}
    try:
        with run_lock(finished.folder / RESULT.replace(".json", ".checkpoints") / "lock"):
            done = finished.run(RESULT, "--forcerun", RESULT, *finished.tiny, check=False)
        assert "another process trains in this folder" in done.stdout + done.stderr
        assert not any(path.exists() for path in outputs)
        planned = finished.planned("linear-demo", *finished.tiny)
        assert planned.keys() == {"evaluate_linear", "render_table", "draw_figures", "analyse_classes"}
        assert finished.planned("detection-demo", *finished.tiny) == {}
    finally:
        for path, (data, stat) in kept.items():
            path.write_bytes(data)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert rules(finished) == set()
