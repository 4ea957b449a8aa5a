"""Compiled trunks train as plain ones do."""

import shutil

import pytest
import torch

from objectcrop.runtime.distributed import World
from objectcrop.ssl.training import compiling
from objectcrop.ssl.training.checkpoints import read_metrics
from objectcrop.ssl.training.compiling import is_compiled
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


ONE_GPU, TWO_GPUS = (World(0, size, torch.device("cuda", 0)) for size in (1, 2))


@pytest.mark.parametrize(
    ("name", "asked", "world", "on_gpu", "expected"),
    [
        ("moco_v2", False, wiring.ALONE, True, False),
        ("moco_v2", True, wiring.ALONE, False, True),
        ("moco_v2", False, ONE_GPU, True, True),
        ("moco_v2", False, ONE_GPU, False, False),
        ("moco_v2", False, TWO_GPUS, True, True),
        # batch norm over processes ends the compiled code in every layer
        ("byol", False, TWO_GPUS, True, False),
        ("byol", False, ONE_GPU, True, True),
    ],
)
def test_trunks_are_compiled_on_gpus_unasked(request_of, monkeypatch, name, asked, world, on_gpu, expected):
    monkeypatch.setattr(compiling, "has_triton", lambda: True)
    monkeypatch.setattr(World, "any", lambda world, flag: flag)
    method = wiring.build(request_of, name, training={"compiled": asked})
    assert is_compiled(method, world, on_gpu=on_gpu) == expected


def test_without_triton_a_warning_says_that_steps_take_longer(request_of, monkeypatch, capsys):
    monkeypatch.setattr(compiling, "has_triton", lambda: False)
    assert not is_compiled(wiring.build(request_of, "moco_v2"), ONE_GPU, on_gpu=True)
    assert "Triton" in capsys.readouterr().err


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
