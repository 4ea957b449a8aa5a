"""Compiled trunks train as plain ones do."""

import shutil

import pytest
import torch

from objectcrop.ssl.training.checkpoints import read_metrics
from tests.ssl import wiring
from tests.ssl.processes import draw, finish, start, train


@pytest.mark.parametrize("name", ["moco_v2", "densecl"])
def test_both_trunks_run_compiled_and_names_in_the_state_stay(request_of, monkeypatch, name):
    """DenseCL reads the trunk's map where MoCo-v2 reads what is pooled from it."""
    ran = []

    def compile_(function):
        def run(images):
            ran.append(function.__self__)
            return function(images)

        return run

    method = wiring.build(request_of, name).float()
    before = list(method.state_dict())
    monkeypatch.setattr(torch, "compile", compile_)
    assert method.compile_trunks() == 2
    assert list(method.state_dict()) == before
    method.step_losses(wiring.batch_of(), 0)
    assert ran == [method.backbone, method.key_encoder.backbone]


@pytest.mark.slow
def test_losses_of_compiled_trunks_are_those_of_plain_ones(tmp_path):
    if shutil.which("g++") is None:
        pytest.skip("torch.compile on the CPU needs a C++ compiler, g++ is not installed")
    rows = []
    for compiled in (False, True):
        draw(tmp_path / str(compiled))
        changes = {
            "training": {"compiled": compiled, "monitor_every_epochs": 0},
            "optimizer": {"epochs": 1, "global_batch_size": 8, "learning_rate": 0.01},
            "moco": {"batch_norm_group": 4, "projector_batch_norm": False},
            "views": {"size_px": 64},
        }
        assert finish(start(train, 1, tmp_path / str(compiled), "scene-scene", changes), timeout_s=900) == [0]
        rows.append(read_metrics(tmp_path / str(compiled) / "c"))
    for plain, fast in zip(*rows, strict=True):
        assert fast["loss"] == pytest.approx(plain["loss"], rel=1e-3)
    assert rows[0][0]["loss"] != rows[0][1]["loss"]
