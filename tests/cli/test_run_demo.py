"""The demo's wrapper around Snakemake: a forecast, overall progress, exit codes, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

SNAKEFILE = """
rule all:
    input: "a.txt", "b.txt"
rule one:
    output: "{name}.txt"
    shell: "%s > {output}"
"""
RECORD = {"job one": 2.0, "jobs one": 2, "whole run": 4.0, "calibration": 0.01}


@pytest.fixture
def start(root, tmp_path):
    def make(command):
        (tmp_path / "Snakefile").write_text(SNAKEFILE % command)
        rows = [{"name": name, "value": value, "unit": "s"} for name, value in RECORD.items()]
        (tmp_path / "record.json").write_text(json.dumps({"rows": rows}))
        arguments = ["-m", "workflow_scripts.run_demo", "--record", "record.json", "--cores", "1"]
        env = os.environ | {"PYTHONPATH": str(root)}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, *arguments], cwd=tmp_path, env=env, start_new_session=True, **streams)

    return make


def test_the_run_is_forecast_and_followed_and_ends_with_the_report(start, tmp_path):
    out, err = (process := start("echo done")).communicate(timeout=120)
    assert process.returncode == 0, err
    lines = [line for line in err.splitlines() if line.startswith("overall: ")]
    assert lines[0].startswith("overall: 2 jobs, about 0:")
    assert lines[1].startswith("overall: 1 of 2 jobs done, the last one one; 0:")
    assert lines[2].startswith("overall: 2 of 2 jobs done")
    assert out.splitlines()[-1] == f"The report: {tmp_path / 'results/report/index.html'}"


def test_the_last_lines_are_the_answer_and_where_the_report_is(start, tmp_path):
    for file, words in {
        "results/report/index.html": "",
        "logs/write_report.log": "Why?\nBecause.\nreport: x\n",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(words)
    out, err = (process := start("echo done")).communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.splitlines()[-3:] == ["Why?", "Because.", f"The report: {tmp_path / 'results/report/index.html'}"]


def test_a_failed_job_ends_it_with_snakemakes_exit_code_and_words(start):
    out, err = (process := start("exit 3")).communicate(timeout=120)
    assert process.returncode == 1
    assert "Error in rule one" in err
    assert "The report" not in out


def test_ctrl_c_ends_the_jobs_and_then_itself(start, tmp_path):
    process = start("touch begun; sleep 300")
    for _ in range(600):
        if (tmp_path / "begun").exists():
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode not in (0, None), err
    with pytest.raises(ProcessLookupError):  # no process of the group is left
        os.killpg(process.pid, 0)
