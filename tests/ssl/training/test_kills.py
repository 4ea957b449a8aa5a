"""A training that is killed at any moment, again and again, ends with the bits of one that was left alone."""

import os
import random
import signal
import time

import pytest
import torch

from objectcrop.ssl.training.checkpoints import METRICS, read_metrics, saved_states
from tests.ssl.processes import BACKBONE, draw, finish, start, train, train_dropping

CHANGES = {"optimizer": {"epochs": 6}, "training": {"monitor_images": 4}}


def wait_for_progress(folder, steps, processes):
    """Wait until `steps` more steps are logged, or the training ends; return False then."""
    before = len(read_metrics(folder / "c"))
    end = time.monotonic() + 120
    while len(read_metrics(folder / "c")) < before + steps:
        if not any(process.is_alive() for process in processes):
            return False
        assert time.monotonic() < end, "no step in two minutes"
        time.sleep(0.005)
    return True


def backbone_of_an_uninterrupted_run(folder, target, name, workers, size):
    draw(folder)
    assert finish(start(target, size, folder, name, CHANGES, workers)) == [0] * size
    return (folder / BACKBONE).read_bytes()


def train_through_kills(folder, target, name, workers, size, kills, waits):
    """Return the final backbones of as many trainings as `kills` kills take, and the steps of the kills."""
    rng = random.Random(1000 * workers + size)
    backbones, at = [], []
    while len(at) < kills or not (folder / BACKBONE).exists():
        if (folder / BACKBONE).exists() or not folder.exists():
            folder = folder.with_name(f"killed{len(backbones)}")
            draw(folder)
        processes = start(target, size, folder, name, CHANGES, workers)
        if len(at) >= kills:
            assert finish(processes) == [0] * size
        elif wait_for_progress(folder, rng.choice(waits), processes):
            time.sleep(rng.random() * 0.05)  # in a step, between two, or while the state is written
            for process in processes:
                process.kill()
            at.append(len(read_metrics(folder / "c")))
            finish(processes)
        if (folder / BACKBONE).exists():
            backbones.append((folder / BACKBONE).read_bytes())
    return backbones, at


def check_kills(tmp_path, name, workers, size, kills, target=train, waits=range(3)):
    expected = backbone_of_an_uninterrupted_run(tmp_path / "straight", target, name, workers, size)
    backbones, at = train_through_kills(tmp_path / "killed", target, name, workers, size, kills, waits)
    assert len(at) >= kills
    assert backbones
    assert all(backbone == expected for backbone in backbones), at
    assert not list((tmp_path).glob("killed*/c/.state-*")), "half-written states are removed"


def test_three_kills_change_nothing(tmp_path):
    check_kills(tmp_path, "scene-scene", workers=0, size=1, kills=3)


def test_kills_change_nothing_for_a_trunk_with_dropout_in_two_processes(tmp_path):
    """Each kill comes when a state is there to resume from."""
    check_kills(tmp_path, "scene-scene", workers=0, size=2, kills=2, target=train_dropping, waits=range(2, 5))


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "size"), [(0, 1), (2, 1), (0, 2), (2, 2)])
def test_twenty_kills_in_all_change_nothing(tmp_path, workers, size):
    check_kills(tmp_path, "oac", workers, size, kills=5)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_to_end_leaves_a_state_within_ten_seconds(tmp_path, workers):
    """The state is saved because of the signal: the clock would not ask for it in an hour."""
    draw(tmp_path)
    (process,) = start(train, 1, tmp_path, "oac", {"optimizer": {"epochs": 1000}}, workers, 3600.0)
    assert wait_for_progress(tmp_path, 2, [process])
    assert not saved_states(tmp_path / "c")
    asked = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    assert finish([process], timeout_s=60) == [143]
    assert time.monotonic() - asked < 10
    (state,) = saved_states(tmp_path / "c")
    assert torch.load(state, weights_only=True)["clock"]["step"] >= 2
    assert (tmp_path / "c" / METRICS).is_file()
