"""A probe that is killed or stopped at any moment ends with the numbers of one that was left alone."""

import os
import random
import signal
import time

import pytest
import torch

from objectcrop.evaluate.linear.features import Extractor
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.evaluate.linear.states import FEATURES, FILES, States
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.signals import Stopped, StopRequest
from tests.evaluate.linear.conftest import CPU, SEEDS, backbone, settings
from tests.ssl.processes import finish, start

CACHED = {"cached_views": 2, "epochs": 60, "decay_epochs": [40], "learning_rates": [3.0, 1.0], "held_out_share": 0.25}
TASKS = {"fresh views": CACHED | {"cached_views": None, "epochs": 12, "decay_epochs": [8]}, "cached views": CACHED}


def probe(folder, images, task, every_s=0.0):
    """The target of a process: the results go to `folder`/results.json."""
    (folder / "started").touch()
    states = States(folder / "states", every_s=every_s)
    write_json(folder / "results.json", outcome(images, task, states))


def outcome(images, task, states):
    evaluated = evaluate_linear(backbone(), images, settings(**task), SEEDS, device=CPU, states=states)
    return evaluated.results | {"scores": evaluated.scores.scores.tolist()}


def run(folder, images, task):
    folder.mkdir()
    assert finish(start(probe, 1, folder, images, task)) == [0]
    return read_json(folder / "results.json")


@pytest.mark.parametrize(("kind", "kills"), [("fresh views", 10), ("cached views", 5)])
def test_kills_at_random_moments_change_no_bit(data, tmp_path, kind, kills):
    task, rng = TASKS[kind], random.Random(kind)
    expected = run(tmp_path / "whole", data, task)
    start_s, end_s = ((tmp_path / "whole" / name).stat().st_mtime for name in ("started", "results.json"))
    longest_s = 0.5 * (end_s - start_s)  # several attempts make up a probe
    num_killed, num_ended, folder = 0, 0, tmp_path / "killed-0"
    while num_killed < kills or folder.exists():
        folder.mkdir(exist_ok=True)
        (folder / "started").unlink(missing_ok=True)
        (process,) = start(probe, 1, folder, data, task)
        while not (folder / "started").exists():
            time.sleep(0.001)
        process.join(longest_s * rng.random() if num_killed < kills else None)
        process.kill()
        finish([process])
        num_killed += process.exitcode == -signal.SIGKILL
        if (folder / "results.json").exists():
            num_ended += 1
            assert read_json(folder / "results.json") == expected
            assert not list(folder.glob("states/.*.pt")), "half-written states are removed"
            folder = tmp_path / f"killed-{num_ended}"
    assert (num_killed, num_ended > 0) == (kills, True)


def counting(monkeypatch, owner, name, before=lambda number: None):
    """Count the calls of a method; `before` is called with the number of each."""
    method, calls = getattr(owner, name), []

    def counted(self, *words, **named):
        calls.append(None)
        before(len(calls))
        return method(self, *words, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls


def results_with(folder, images, task, stop=None):
    return outcome(images, task, States(folder, stop=stop))


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [(LinearLayers, "step", 5), (LinearLayers, "step", 36), (Extractor, "features", 2), (Extractor, "features", 4)],
    ids=["in the first epoch", "after the last", "in the first view", "in the test images"],
)
def test_what_was_computed_before_a_stop_is_not_computed_again(data, tmp_path, monkeypatch, owner, name, number):
    task = {"epochs": 12, "cached_views": 1, "decay_epochs": [8]}
    whole = results_with(None, data, task)
    stop = StopRequest()

    def ask(call):
        if (call == number and name == "step") or (call == number and name == "features"):
            stop.signal = signal.SIGTERM

    with monkeypatch.context() as patched:
        calls = counting(patched, owner, name, ask)
        with pytest.raises(Stopped) as stopped:
            results_with(tmp_path, data, task, stop)
    assert stopped.value.code == 128 + signal.SIGTERM
    steps, batches = counting(monkeypatch, LinearLayers, "step"), counting(monkeypatch, Extractor, "features")
    again = results_with(tmp_path, data, task)
    assert again == whole
    num_steps, num_batches = 12 * 3, 3 + 2  # of 24 training and 12 test images, 8 at a time
    if name == "step":
        assert (len(steps), len(batches)) == (num_steps - len(calls), 2)
    else:
        assert len(batches) == num_batches - len(calls)


def test_a_probe_without_a_folder_keeps_nothing_and_heeds_a_stop(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    stop = StopRequest()
    stop.signal = signal.SIGINT
    with pytest.raises(Stopped):
        results_with(None, data, {}, stop)
    assert sorted(os.listdir()) == before


def test_a_damaged_part_of_features_is_computed_again(data, tmp_path, capsys):
    task = {"epochs": 2, "cached_views": 2}
    whole = results_with(tmp_path, data, task)
    part = sorted(tmp_path.glob(FEATURES.replace("*", "view1-*")))[0]
    part.write_bytes(part.read_bytes()[:-40])
    for state in tmp_path.glob("state-*.pt"):
        state.unlink()
    assert results_with(tmp_path, data, task) == whole
    assert f"warning: {part}: cannot be read" in capsys.readouterr().err


def test_a_state_holds_the_time_and_the_precision_of_all_attempts(data, tmp_path, capsys):
    stop = StopRequest()
    stop.signal = signal.SIGTERM
    with pytest.raises(Stopped):
        results_with(tmp_path, data, {"cached_views": 1, "precision": "float32"}, stop)
    (part,) = (torch.load(path, weights_only=True) for pattern in FILES for path in tmp_path.glob(pattern))
    assert part["precisions"] == ["float32"]
    states = States(tmp_path)
    results = evaluate_linear(
        backbone(), data, settings(cached_views=1, precision="bfloat16"), SEEDS, device=CPU, states=states
    ).results
    assert results["precision"] == "bfloat16+float32"
    assert "an earlier attempt computed in float32, this one resumes in bfloat16" in capsys.readouterr().err
    assert states.seconds > part["seconds"] > 0
