"""Ctrl-C in pretraining loses nothing."""

import json
import os
import signal
import subprocess
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("planned")]

LONG = {"runs": {"scene-scene": {"optimizer": {"epochs": 60}}}}
SUMMARY = "results/pretrain/scene-scene/s0/summary.json"


def wait_for(condition, timeout_s, process):
    end = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, "the run ended before it could be interrupted"
        assert time.monotonic() < end, "pretraining did not start in time"
        time.sleep(0.1)


def test_ctrl_c_in_pretraining_is_resumed_from_the_checkpoint(workflow):
    (workflow.folder / "long.yaml").write_text(json.dumps(LONG))
    metrics = workflow.folder / "results/pretrain/scene-scene/s0/checkpoints/metrics.jsonl"
    arguments = [SUMMARY, "--configfile", "presets/tiny.yaml", "long.yaml"]
    process = subprocess.Popen(
        workflow.command(*arguments),
        cwd=workflow.folder,
        env=workflow.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: metrics.is_file() and metrics.stat().st_size > 0, 240, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=240) != 0
    steps_before = [json.loads(line)["step"] for line in metrics.read_text().splitlines()]
    assert list(metrics.parent.glob("state-*.pt"))
    workflow.run(*arguments)
    steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines()]
    assert steps[: len(steps_before)] == steps_before
    assert steps == sorted(set(steps)), "a step was trained twice"
    assert json.loads((workflow.folder / SUMMARY).read_text())["run"] == "scene-scene"
