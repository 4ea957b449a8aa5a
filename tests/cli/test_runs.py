"""`runs` lists, shows and compares what is in folders of results."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.small_runs import plan, write_log, write_run
from tests.report.page.test_comparison import FIRST, write_study
from workflow_scripts.runs import main

RESULTS = Path("results")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(["one", "two", "three"])
    write_run(RESULTS, "one", noise=2.0)
    write_run(RESULTS, "two", noise=0.2)
    write_log("three")
    return tmp_path


def printed(capsys, *words):
    main(list(words))
    return capsys.readouterr().out.splitlines()


def test_without_a_word_the_runs_of_the_working_folder_are_listed(folder, capsys):
    head, one, three, two = printed(capsys)
    assert head.split()[:2] == ["run", "state"]
    assert one.split()[:3] == ["one", "s0", "evaluated"]
    assert three.split()[:3] == ["three", "s0", "stopped"]
    assert two.split()[:3] == ["two", "s0", "evaluated"]


def test_several_folders_are_filtered_and_written_as_csv(folder, capsys):
    words = ["list", "results", str(folder / "results"), "--where", "state=evaluated", "run!=two", "--csv", "runs.csv"]
    assert printed(capsys, *words) == []
    with Path("runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["folder"], row["run"]) for row in rows] == [("results", "one"), (str(folder / "results"), "one")]


def test_a_run_is_shown_with_settings_digests_versions_metrics_and_cost(folder, capsys):
    lines = printed(capsys, "show", "one")
    assert lines[0] == "one, seed 0, of results: evaluated"
    text = "\n".join(lines)
    for part in (
        "jobs together: 0:00:15, 0.00833 GPU-hours",
        "seeds: 0 of the run, 0 of the study; recipe 2",
        "over test images)",
        "optimizer.epochs=4",
        "device: 2 x NVIDIA H200",
        "results/eval/one/s0/linear.json: SHA-256 ",
        "code: 0123456789ab, commit ",
        "versions: Python ",
        "command: python -m workflow_scripts.evaluate_linear --settings SETTINGS",
    ):
        assert part in text


def test_a_run_that_has_only_begun_is_shown_too(folder, capsys):
    lines = printed(capsys, "show", "three/s0")
    assert lines[:2] == ["three, seed 0, of results: stopped", "  step 20 (50%), 100 images/s, 0:00:20 left, loss 2"]


def test_two_runs_are_compared_in_words_and_as_a_page(folder, capsys):
    lines = printed(capsys, "compare", "one", "results/pretrain/two/s0", "--out", "both.html")
    assert lines[0].startswith("A: one of results, commit ")
    assert lines[1].startswith("B: two s0 of results, commit ")
    assert "<code>linear.map</code>" in Path("both.html").read_text()


def test_two_studies_are_compared_with_their_tables(tmp_path, monkeypatch, capsys):
    first = write_study(tmp_path / "a", monkeypatch, FIRST)
    values = {"scene": (30.0,), "boxes": (33.0,)}
    second = write_study(tmp_path / "b", monkeypatch, values, rows=("scene", "boxes"), size_px=64)
    lines = printed(capsys, "compare", str(first), str(second), "--out", str(tmp_path / "both.html"))
    assert "  seeds: 0, 1 | 0" in lines
    assert "  run.views.size_px: 96 | 64  (eval/scene/linear.json)" in lines
    assert "only A has 1 files: eval/objects/linear.json" in lines
    page = (tmp_path / "both.html").read_text()
    assert "<caption>Table <code>small</code>.</caption>" in page
    assert "<code>eval/boxes/linear.json</code>" in page
    assert "MoCo-v2 obj-obj+dilate (LOD) &lt;two heads&gt;" in page


def test_a_mistake_is_one_line(folder, root):
    command = [sys.executable, "-m", "workflow_scripts.runs", "show", "nobody", "--results", str(folder / "results")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: nobody: expected a folder of results")
    assert len(done.stderr.splitlines()) == 1
