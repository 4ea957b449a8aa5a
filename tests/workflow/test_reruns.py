"""On a finished study: what reruns after which change."""

import json
import os

import pytest

from objectcrop.runtime.lock import Lock
from objectcrop.study.plan.paths import RUNNING
from tests.workflow.studies import without

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

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
    with finished.edited("config.yaml", "rotation: 1.0", "rotation: 0.5"):
        jobs = finished.planned(*finished.tiny)
    assert jobs["pretrain"] == 1
    assert jobs["evaluate_linear"] == 1
    assert "extract_features" not in jobs


def test_forcing_a_stage_plans_that_stage_and_its_heirs_only(finished):
    assert rules(finished, "--forcerun", "evaluate_linear") == {"evaluate_linear"} | HEIRS_OF_LINEAR


def test_the_snakemake_report_is_built_without_a_network(finished):
    finished.run(*finished.tiny, "--report", "report.html")
    assert (finished.folder / "report.html").stat().st_size > 10_000


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
    with finished.edited("config.yaml", "num_shards: 2", shards):
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


@pytest.fixture
def without_a_result(finished):
    """The finished study without one result, which comes back."""
    outputs = [finished.folder / path for path in (RESULT, RESULT.replace(".json", ".scores.npz"))]
    with without(*outputs):
        yield finished


def words_of_a_job(pid):
    """What a lock file says of the job that makes the result, elsewhere."""
    return json.dumps({"rule": "evaluate_linear", "outputs": [RESULT], "host": "elsewhere", "pid": pid})


def test_a_job_that_outlived_snakemake_keeps_a_second_one_from_its_files_by_name(without_a_result):
    """Nothing is removed or started; what does not need the job's files may run."""
    study = without_a_result
    lock = Lock(study.folder / RUNNING / "a.json", words_of_a_job(4711))
    log = study.folder / "logs/evaluate_linear/oac-s0-linear.log"
    before = log.read_bytes()
    done = study.run(RESULT, *study.tiny, check=False)
    lock.release(remove=True)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{RESULT} is being written by evaluate_linear (process 4711 on elsewhere)" in said
    assert "wait until it ends, or stop it (kill 4711 on elsewhere), and run the same command again" in said
    assert "Traceback" not in said
    assert log.read_bytes() == before


def test_what_a_job_left_undone_is_made_although_what_comes_after_it_is_there(without_a_result):
    """Of a forced run that was interrupted, the result is gone and the table is not: there is something to be done."""
    study = without_a_result
    assert study.planned(*study.tiny) == {}
    left = study.folder / RUNNING / "b.json"
    left.write_text(words_of_a_job(1))
    try:
        assert study.planned("linear-demo", *study.tiny).keys() == {"evaluate_linear", "render_table"}
        assert study.planned("detection-demo", *study.tiny) == {}
    finally:
        left.unlink()
