"""Whole tiny runs: they learn, log, stop and resume bit for bit."""

import json
import math
import os
import signal
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from objectcrop.networks.safetensors import write_safetensors
from objectcrop.networks.weights import load_backbone, save_backbone
from objectcrop.runtime.checksum import file_sha256
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import Stopped
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training import loop
from objectcrop.ssl.training.checkpoints import EVENTS, METRICS, read_metrics, saved_states

TIMES = ("seconds", "images_per_s", "data_wait_share", "peak_memory_gib")


def state_of(pretrained):
    return pretrained.backbone.state_dict()


def assert_equal(first, second):
    """Of two nested states."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, Mapping):
        assert first.keys() == second.keys()
        for name in first:
            assert_equal(first[name], second[name])
    elif isinstance(first, list | tuple):
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    else:
        assert first == second


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", ["scene-scene", "obj-dilate", "oac", "oac-same-tag", "supervised"])
def test_every_recipe_leaves_weights_and_a_summary(tables, request_of, tmp_path, name):
    request = request_of(name)
    pretrained = pretrain(request, tables, tmp_path / "c")
    summary = pretrained.summary
    assert summary["run"] == name
    assert summary["precision"] == "float32"
    assert summary["cost"]["images_seen"] == 3 * 16
    assert [row["step"] for row in summary["history"]] == list(range(1, 13))
    assert summary["final"] == summary["history"][-1]
    assert summary["samples"]["images"] == 16
    assert summary["samples"].get("images_without_proposals") == {"supervised": None, "scene-scene": 0}.get(name, 1)
    assert summary["features"] == ("supervised" if name == "supervised" else "label-free")
    assert all(math.isfinite(value) for row in summary["history"] for value in row.values())
    has_extra = "loss_rotation" in summary["final"] and "loss_localization" in summary["final"]
    assert has_extra == name.startswith("oac")
    json.dumps(summary, allow_nan=False)
    assert saved_states(tmp_path / "c")


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tables, request_of, tmp_path):
    request = request_of("oac", optimizer={"epochs": 1})
    first, second = (pretrain(request, tables, tmp_path / name) for name in "ab")
    assert same(state_of(first), state_of(second))
    other = pretrain(replace(request, seeds=Seeds(0, 2)), tables, tmp_path / "c")
    assert not same(state_of(first), state_of(other))


def test_the_loss_falls(tables, request_of, tmp_path):
    request = request_of("supervised", optimizer={"epochs": 15, "learning_rate": 0.003})
    history = pretrain(request, tables, tmp_path / "c").summary["history"]
    assert sum(row["loss"] for row in history[-4:]) < 0.8 * sum(row["loss"] for row in history[:4])


class _StopAfter:
    """Send this process a real signal after a step."""

    def __init__(self, monkeypatch, step, number=signal.SIGTERM):
        original = loop.Training._step

        def stepping(training, parts):
            original(training, parts)
            if training.clock.step + 1 == step:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(loop.Training, "_step", stepping)


@pytest.mark.parametrize(
    ("name", "stop", "workers"),
    [
        ("oac", 5, 0),
        ("oac", 6, 2),
        ("supervised", 4, 0),
        ("scene-scene", 1, 2),
        ("densecl", 5, 0),
        ("byol", 5, 0),
        ("swav", 5, 0),
        ("cmc", 5, 0),
        ("cmc-nce", 5, 0),
        ("insdis", 5, 0),
    ],
)
def test_a_stopped_training_resumes_bit_for_bit(tables, request_of, tmp_path, monkeypatch, name, stop, workers):
    monkeypatch.setattr("objectcrop.ssl.pretraining.split_threads", lambda threads, gpus: (1, workers))
    request = request_of(name)
    straight = pretrain(request, tables, tmp_path / "straight")
    with monkeypatch.context() as patch:
        _StopAfter(patch, stop)
        with pytest.raises(Stopped) as stopped:
            pretrain(request, tables, tmp_path / "stopped")
    assert stopped.value.code == 143
    assert not (tmp_path / "stopped" / METRICS).read_text().count('"step": 12,')
    resumed = pretrain(request, tables, tmp_path / "stopped")
    assert same(state_of(straight), state_of(resumed))
    states = [torch.load(saved_states(tmp_path / folder)[0], weights_only=True) for folder in ("straight", "stopped")]
    for part in ("method", "optimizer"):
        assert_equal(states[0][part], states[1][part])
    timeless = [
        [{k: v for k, v in row.items() if k not in TIMES} for row in pretrained.summary["history"]]
        for pretrained in (straight, resumed)
    ]
    assert timeless[0] == timeless[1]


def test_ctrl_c_saves_and_says_so(tables, request_of, tmp_path, monkeypatch, capsys):
    _StopAfter(monkeypatch, 2, signal.SIGINT)
    with pytest.raises(Stopped) as stopped:
        pretrain(request_of(), tables, tmp_path / "c")
    assert stopped.value.code == 130
    assert torch.load(saved_states(tmp_path / "c")[0], weights_only=True)["clock"]["step"] == 2
    assert "stopped after step 2" in capsys.readouterr().out


def test_what_was_logged_after_the_saved_state_is_logged_again(tables, request_of, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        _StopAfter(patch, 5)
        with pytest.raises(Stopped):
            pretrain(request_of(), tables, tmp_path / "c")
    with (tmp_path / "c" / METRICS).open("a") as file:
        file.write('{"step": 6, "loss": 0.0, "images_seen": 24}\n{"step": 7, "lo')
    pretrain(request_of(), tables, tmp_path / "c")
    assert [row["step"] for row in read_metrics(tmp_path / "c")] == list(range(1, 13))


def test_a_checkpoint_of_other_settings_is_moved_aside(tables, request_of, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        _StopAfter(patch, 3)
        with pytest.raises(Stopped):
            pretrain(request_of(), tables, tmp_path / "c")
    pretrained = pretrain(request_of(moco={"temperature": 0.1}), tables, tmp_path / "c")
    assert len(pretrained.summary["history"]) == 12
    (stale,) = tmp_path.glob("c.stale-*")
    assert saved_states(stale)
    assert "moved to" in capsys.readouterr().err


def test_a_training_that_resumes_on_another_kind_of_device_says_so_and_keeps_it_on_record(
    tables, request_of, tmp_path, monkeypatch, capsys
):
    request = request_of(optimizer={"precision": "auto"})
    with monkeypatch.context() as patch:
        patch.setattr("objectcrop.runtime.precision.has_native_bfloat16", lambda device: True)
        _StopAfter(patch, 3)
        with pytest.raises(Stopped):
            pretrain(request, tables, tmp_path / "c")
    assert "precision bfloat16 (auto" in capsys.readouterr().err
    monkeypatch.setattr("objectcrop.runtime.precision.has_native_bfloat16", lambda device: False)
    pretrained = pretrain(request, tables, tmp_path / "c")
    assert pretrained.summary["precision"] == "bfloat16+float32"
    assert "computed in bfloat16 until step 3, resumes in float32 on this device" in capsys.readouterr().err
    assert pretrained.summary["settings"]["optimizer"]["precision"] == "auto"


def test_speed_memory_and_features_are_logged_also_for_tensorboard(tables, request_of, tmp_path):
    request = request_of(training={"monitor_knn": True, "monitor_images": 8}, optimizer={"epochs": 2})
    request = replace(request, peak_teraflops=0.001)
    pretrained = pretrain(request, tables, tmp_path / "c")
    rows = read_metrics(tmp_path / "c")
    for row in rows:
        assert 0 <= row["data_wait_share"] <= 1
        assert row["images_per_s"] > 0
        assert 0.05 < row["peak_memory_gib"] < 50
        assert row["mfu"] > 0
    monitored = [row for row in rows if "effective_rank" in row]
    assert [row["step"] for row in monitored] == [4, 8]
    assert [row["images_seen"] for row in pretrained.summary["monitored"]] == [16, 32]
    assert 0 < monitored[0]["accuracy_knn_chance"] <= 1
    events = EventAccumulator(str(tmp_path / "c" / EVENTS)).Reload()
    assert {"loss", "mfu", "learning_rate", "effective_rank", "data_wait_share"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss")] == list(range(1, 9))
    assert events.Scalars("loss")[-1].value == pytest.approx(rows[-1]["loss"], rel=1e-6)


def test_monitoring_and_counting_change_no_bit_of_training(tables, request_of, tmp_path):
    plain = request_of("oac", training={"monitor_every_epochs": 0}, optimizer={"epochs": 1})
    watched = request_of("oac", optimizer={"epochs": 1})
    watched = replace(watched, peak_teraflops=1.0)
    first, second = pretrain(plain, tables, tmp_path / "a"), pretrain(watched, tables, tmp_path / "b")
    assert same(state_of(first), state_of(second))


def test_random_weights_are_those_that_training_starts_from(tables, request_of, tmp_path):
    fresh = pretrain(request_of("scene-scene", method="random_init"), tables, tmp_path / "r")
    barely = request_of("scene-scene", optimizer={"learning_rate": 1e-30, "epochs": 1, "weight_decay": 0})
    trained = pretrain(barely, tables, tmp_path / "c")
    parameters = dict(trained.backbone.named_parameters())
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.detach(), state_of(fresh)[name], rtol=0, atol=1e-20)
    assert fresh.summary["history"] == []


def test_external_weights_are_copied_from_the_data_root(tables, request_of, tmp_path):
    request = request_of("scene-scene", method="random_init")
    made = pretrain(request, tables, tmp_path / "r").backbone
    save_backbone(made, tables.data_root / "w.safetensors", {})
    torch.save(made.state_dict(), tables.data_root / "w.pth")
    for file in ("w.safetensors", "w.pth"):
        external = request_of(
            "scene-scene", method="external", backbone={"arch": "resnet18", "width": 0.125, "weights": file}
        )
        pretrained = pretrain(external, tables, tmp_path / "e")
        assert same(state_of(pretrained), made.state_dict())
    write_safetensors(tables.data_root / "w.safetensors", {"x": torch.zeros(1)}, {})
    broken = request_of(
        "scene-scene", method="external", backbone={"width": 0.125, "arch": "resnet18", "weights": "w.safetensors"}
    )
    with pytest.raises(ValueError, match=r"w\.safetensors: no trunk in any layout that is known; its tensors are x"):
        pretrain(broken, tables, tmp_path / "e")


def test_only_the_pinned_weights_are_taken(tables, request_of, tmp_path):
    made = pretrain(request_of("scene-scene", method="random_init"), tables, tmp_path / "r").backbone
    path = tables.data_root / "pinned.safetensors"
    save_backbone(made, path, {})
    backbone = {"arch": "resnet18", "width": 0.125, "weights": path.name, "weights_sha256": file_sha256(path)}
    theirs = request_of("scene-scene", method="external", backbone=backbone)
    assert same(state_of(pretrain(theirs, tables._replace(manifest=None), tmp_path / "e")), made.state_dict())
    save_backbone(made, path, {"another": "header"})
    sums = rf"is {file_sha256(path)}, runs\.\S+\.backbone\.weights_sha256 expects {backbone['weights_sha256']}; get"
    with pytest.raises(ValueError, match=f"{path.name}: its SHA-256 {sums}"):
        pretrain(theirs, tables, tmp_path / "e")


def test_training_without_a_manifest_is_rejected(tables, request_of, tmp_path):
    with pytest.raises(ValueError, match="run scene-scene: training needs --manifest"):
        pretrain(request_of(), tables._replace(manifest=None), tmp_path / "c")


def test_a_saved_backbone_is_the_trained_one(tables, request_of, tmp_path):
    pretrained = pretrain(request_of(optimizer={"epochs": 1}), tables, tmp_path / "c")
    save_backbone(pretrained.backbone, tmp_path / "b.safetensors", {})
    assert same(
        load_backbone(tmp_path / "b.safetensors", found_settings(request_of)).state_dict(), state_of(pretrained)
    )


def found_settings(request_of):
    return request_of().run.backbone


def test_the_memory_of_a_step_is_said_before_training(tables, request_of, tmp_path, capfd):
    pretrain(request_of("oac", optimizer={"epochs": 1}), tables, tmp_path / "c")
    lines = capfd.readouterr().err.splitlines()
    (place,) = [number for number, line in enumerate(lines) if "for weights and optimizer" in line]
    assert lines[place].startswith("run oac: a step needs about ")
    assert "activations of 4 images x 4 trunk passes" in lines[place]
    assert not any("images (" in line for line in lines[:place]), "training had begun"
    assert any("images (" in line for line in lines[place:])
