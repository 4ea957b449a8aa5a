"""How far runs are, and what they cost."""

from pathlib import Path

import pytest

from objectcrop.registry.entry import read_entries
from objectcrop.runtime.atomic import read_json
from objectcrop.runtime.lock import run_lock
from tests.registry.small_runs import plan, write_log, write_run

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def _working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def states():
    return {(entry.run, entry.seed): entry.state for entry in read_entries(RESULTS)}


def test_a_run_is_planned_then_stopped_or_trained_then_evaluated():
    plan(["asked", "begun", "trained", "judged"], seeds=(0, 1))
    write_log("begun")
    write_run(RESULTS, "trained", results=False)
    write_run(RESULTS, "judged")
    assert states() == {
        ("asked", 0): "planned",
        ("asked", 1): "planned",
        ("begun", 0): "stopped",
        ("begun", 1): "planned",
        ("trained", 0): "trained",
        ("trained", 1): "planned",
        ("judged", 0): "evaluated",
        ("judged", 1): "planned",
    }


def test_a_run_is_evaluated_when_every_task_has_a_result_that_the_study_plans():
    plan(["judged"], tasks=("linear", "detect"))
    write_run(RESULTS, "judged")
    (entry,) = read_entries(RESULTS)
    assert (entry.state, entry.missing) == ("trained", ("detect",))


def test_whoever_holds_the_lock_is_at_work():
    plan(["one", "two"])
    write_run(RESULTS, "two")
    with run_lock(write_log("one") / "lock"), run_lock("results/eval/two/s0/linear.checkpoints/lock"):
        assert states() == {("one", 0): "training", ("two", 0): "evaluating"}
    assert states() == {("one", 0): "stopped", ("two", 0): "evaluated"}


def test_results_of_other_settings_or_other_code_than_the_study_has_now_are_stale():
    plan(["one"])
    write_run(RESULTS, "one")
    assert states() == {("one", 0): "evaluated"}
    plan(["one"], size_px=64)
    (entry,) = read_entries(RESULTS)
    assert entry.state == "stale"
    assert entry.stale == ("results/pretrain/one/s0/summary.json", "results/eval/one/s0/linear.json")


def test_runs_are_found_without_a_plan_and_under_another_name_of_the_folder():
    write_run(RESULTS, "one")
    write_log("two")
    RESULTS.rename("kept")
    entries = read_entries(Path("kept"))
    assert [(entry.run, entry.state) for entry in entries] == [("one", "evaluated"), ("two", "stopped")]
    assert entries[1].progress.share is None  # nobody knows how long it is to be


def test_the_rate_and_the_time_left_are_those_of_the_last_lines():
    plan(["one"], epochs=8)
    write_log("one", steps=(*range(1, 11), 30), epoch=2.0)
    (entry,) = read_entries(RESULTS)
    progress = entry.progress
    assert (progress.step, progress.loss) == (30, 2.0)
    assert progress.share == pytest.approx(2 / 8)
    assert progress.images_per_s == pytest.approx(100)
    assert progress.seconds_left == pytest.approx(90)  # 9,000 images more
    assert entry.seconds == 30


def test_the_cost_is_that_of_training_and_results_on_the_gpus_that_they_had():
    write_run(RESULTS, "one", seconds=10.0)
    (entry,) = read_entries(RESULTS)
    assert entry.seconds == 15.0
    assert entry.gpu_seconds == 2 * 15.0
    assert entry.metrics["linear.map"] == read_json(Path("results/eval/one/s0/linear.json"))["metrics"]["map"]


def test_results_of_versions_that_noted_no_device_have_the_gpus_of_their_command(monkeypatch):
    write_run(RESULTS, "one", device=None)
    (entry,) = read_entries(RESULTS)
    assert entry.gpu_seconds == 0
    story = entry.summary.record.story
    command = story["command"].replace("--threads 1", "--gpus 4 --threads 1")
    written = entry.summary._replace(record=entry.summary.record._replace(story=story | {"command": command}))
    assert written.gpu_seconds == 4 * 10.0


def test_a_line_that_is_being_written_is_left_out_and_a_damaged_one_is_named():
    write_log("one", lines='{"step": 3')
    (entry,) = read_entries(RESULTS)
    assert entry.progress.step == 20
    log = write_log("one", lines='{"step": 3\n') / "metrics.jsonl"
    with pytest.raises(ValueError, match=f"{log}: a line is no JSON"):
        read_entries(RESULTS)


def test_a_long_log_is_read_from_its_end():
    log = write_log("one", steps=tuple(range(1, 3000))) / "metrics.jsonl"
    assert log.stat().st_size > 3 * 2**16
    (entry,) = read_entries(RESULTS)
    assert entry.progress.step == 2999
    assert entry.progress.images_per_s == pytest.approx(100)


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="nothing: expected a folder of results"):
        read_entries(Path("nothing"))
