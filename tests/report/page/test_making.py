"""How each number was made comes from the records of its results."""

import pytest

from objectcrop.report.page.making import flat, read_making
from objectcrop.runtime.atomic import write_json
from objectcrop.study.settings.tables import Table
from tests.report.page.small_report import TABLE, made, result, summary

TABLES = {"small": Table.model_validate(TABLE)}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two seeds of one run, each from a summary of its own."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        trained = tmp_path / f"results/pretrain/scene/s{seed}/summary.json"
        write_json(trained, summary("scene", seed, points=2))
        made("pretrain", [trained.relative_to(tmp_path)], settings={"run": {"views": {"size_px": 96}}}, seed=seed)
        judged = tmp_path / f"results/eval/scene/s{seed}/linear.json"
        write_json(judged, result("scene", seed))
        inputs = {"run-summary": [trained.relative_to(tmp_path)]}
        made(
            "evaluate_linear", [judged.relative_to(tmp_path)], inputs, {"task": {"epochs": 30, "rates": []}}, seed=seed
        )


def test_a_number_has_its_files_command_settings_inputs_and_the_jobs_before_it(results):
    making = read_making(TABLES, (0, 1))
    (scene,) = (found for found in making.numbers if found.anchor == "made/scene/linear")
    assert scene.title == "scene, judged by linear"
    assert [(file.seed, file.path) for file in scene.files] == [
        (s, f"results/eval/scene/s{s}/linear.json") for s in (0, 1)
    ]
    assert scene.again == "snakemake --cores all results/eval/scene/s0/linear.json results/eval/scene/s1/linear.json"
    assert scene.command == "python -m workflow_scripts.evaluate_linear --settings SETTINGS --threads 1"
    assert scene.settings == (("task.epochs", "30"), ("task.rates", "[]"))
    ((option, path, digest),) = scene.inputs
    assert (option, path, len(digest)) == ("run-summary", "results/pretrain/scene/s0/summary.json", 12)
    assert [(stage.rule, stage.num_jobs) for stage in scene.stages] == [("evaluate_linear", 1), ("pretrain", 1)]
    assert scene.surroundings[0].startswith("versions: Python")


def test_what_all_took_counts_each_job_once(results):
    making = read_making({"one": TABLES["small"], "two": TABLES["small"]}, (0, 1))
    assert {stage.rule: stage.num_jobs for stage in making.stages} == {"evaluate_linear": 2, "pretrain": 2}
    assert len({found.anchor for found in making.numbers}) == len(making.numbers) == 5
    assert any(line.startswith("machine: ") for line in making.machines)


def test_a_result_without_a_record_is_named_without_files(results):
    found = {one.anchor: one for one in read_making(TABLES, (0,)).numbers}
    assert found["made/objects/linear"].files == ()
    assert read_making({}, (0,)) == ((), (), ())


def test_settings_are_named_by_their_place():
    assert list(flat({"a": {"b": 1, "c": {}}, "d": None})) == [("a.b", "1"), ("a.c", "{}"), ("d", "None")]
