"""GPUs are handed out to one process at a time."""

import itertools
import multiprocessing
import time

import pytest

from objectcrop.runtime.gpus import count_gpus, lease


def hold(count, folder, seconds, log):
    with lease(count, [0, 1], folder) as devices:
        start = time.monotonic()
        time.sleep(seconds)
        log.put((devices, start, time.monotonic()))


def test_a_device_is_never_held_twice_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    log = context.Queue()
    jobs = [context.Process(target=hold, args=(count, tmp_path, 0.3, log)) for count in (1, 1, 2, 1)]
    for job in jobs:
        job.start()
    spans = [log.get(timeout=60) for _ in jobs]
    for job in jobs:
        job.join(30)
    for device in (0, 1):
        held = sorted((start, end) for devices, start, end in spans if device in devices)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(held))
    assert sorted(len(devices) for devices, _, _ in spans) == [1, 1, 1, 2]


def test_more_than_the_machine_has_is_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"3 GPU\(s\) asked for, this machine has 2"), lease(3, [0, 1], tmp_path):
        pass


def test_none_is_held_after_the_block(tmp_path):
    with lease(2, [0, 1], tmp_path) as first:
        assert first == [0, 1]
    with lease(2, [0, 1], tmp_path) as again:
        assert again == [0, 1]


def test_gpus_are_counted_as_a_job_would_see_them(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert count_gpus() == 0


def test_nobody_knows_the_gpus_where_pytorch_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "torch.py").write_text("raise ImportError")
    assert count_gpus() is None
