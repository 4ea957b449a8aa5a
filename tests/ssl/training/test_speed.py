"""Rates between two lines of the log."""

import time

import pytest
import torch
from torch import nn

from objectcrop.ssl.training import metrics
from objectcrop.ssl.training.metrics import Speed

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    fake_time = Clock()
    monkeypatch.setattr(metrics, "time", fake_time)
    return fake_time


def test_rates_and_the_share_of_waiting_are_those_since_the_last_call(clock):
    measured = Speed(CPU)
    for waits, works in ((1.0, 3.0), (2.0, 0.0)):
        with measured.waiting():
            clock.now += waits
        clock.now += works
        measures = measured.take(num_steps=2, num_images=12)
        assert measures["images_per_s"] == pytest.approx(12 / (waits + works))
        assert measures["data_wait_share"] == pytest.approx(waits / (waits + works))
        assert "mfu" not in measures


def test_the_share_of_the_peak_is_that_of_counted_operations(clock):
    """A layer of 30 x 20 numbers on 8 rows: 2 * 8 * 30 * 20 operations forward, the same for its weights backward."""
    measured, layer = Speed(CPU, peak_teraflops=1e-6), nn.Linear(20, 30, bias=False)
    for _ in range(2):  # counted in the first step alone
        with measured.counting():
            layer(torch.randn(8, 20)).sum().backward()
    clock.now += 0.5
    assert measured.take(5, 40)["mfu"] == pytest.approx(5 * (2 * 2 * 8 * 30 * 20) / 0.5 / 1e6)


def test_the_peak_of_memory_is_that_of_the_process():
    before = metrics.peak_memory_bytes(CPU)
    block = torch.ones(30_000_000)  # 120 MB
    assert metrics.peak_memory_bytes(CPU) >= before
    assert metrics.peak_memory_bytes(CPU) > block.numel() * 4
    assert time.monotonic() > 0
