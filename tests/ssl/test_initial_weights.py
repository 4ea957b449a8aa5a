"""Training starts from a file: every trunk does, nothing else changes, and a saved state wins over the file."""

import pytest
import torch

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import find_initial, save_backbone
from objectcrop.runtime.checksum import file_sha256
from objectcrop.runtime.signals import Stopped
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training.checkpoints import saved_states
from tests.networks.layouts import Nested
from tests.ssl.conftest import merged
from tests.ssl.test_pretraining import _StopAfter, assert_equal, same, state_of

TRUNKS = {
    "scene-scene": 2,
    "densecl": 2,
    "byol": 2,
    "swav": 1,
    "cmc": 1,
    "insdis": 1,
    "supervised": 1,
}
"""Trunks of each recipe's method: the trained one, and that of its momentum network."""


@pytest.fixture
def write(tables, request_of):
    """Write the weights of a trunk as that of a recipe to a file of MoCo's layout under the data root."""

    def make(name="scene-scene", file="theirs.pth", seed=7):
        with seeded_weights(seed):
            trunk = build_backbone(request_of(name).run.backbone)
        torch.save(
            {"state_dict": {f"module.encoder_q.{key}": value for key, value in trunk.state_dict().items()}},
            tables.data_root / file,
        )
        return trunk.state_dict()

    return make


def started(request, tables, folder):
    """The state of a method before its first step."""
    pretrain(request, tables, folder)
    return torch.load(saved_states(folder)[0], weights_only=True)["method"]


@pytest.mark.parametrize("name", TRUNKS)
def test_every_trunk_of_a_method_starts_from_the_file_and_nothing_else_does(tables, request_of, tmp_path, write, name):
    theirs = write(name)
    no_step = {"optimizer": {"epochs": 0}}
    from_file = merged(no_step, {"backbone": {"init_from": "theirs.pth"}})
    fresh = started(request_of(name, **no_step), tables, tmp_path / "fresh")
    state = started(request_of(name, **from_file), tables, tmp_path / "started")
    assert state.keys() == fresh.keys()
    trunks = {key: key.rpartition("backbone.")[2] for key in state if "backbone." in key}
    assert len(trunks) == TRUNKS[name] * len(theirs)
    assert all(torch.equal(state[key], theirs[own]) for key, own in trunks.items())
    assert not same({key: fresh[key] for key in trunks}, state)
    rest = state.keys() - trunks.keys()
    assert rest
    assert_equal({key: state[key] for key in rest}, {key: fresh[key] for key in rest})


def test_a_saved_state_wins_over_the_file(tables, request_of, tmp_path, monkeypatch, write):
    write()
    request = request_of("oac", backbone={"init_from": "theirs.pth"})
    straight = pretrain(request, tables, tmp_path / "straight")
    with monkeypatch.context() as patch:
        _StopAfter(patch, 5)
        with pytest.raises(Stopped):
            pretrain(request, tables, tmp_path / "stopped")
    assert same(state_of(straight), state_of(pretrain(request, tables, tmp_path / "stopped")))
    assert not same(state_of(straight), state_of(pretrain(request_of("oac"), tables, tmp_path / "fresh")))


def test_a_replaced_file_starts_the_training_from_scratch(tables, request_of, tmp_path, monkeypatch, capsys, write):
    write()
    request = request_of(backbone={"init_from": "theirs.pth"})
    with monkeypatch.context() as patch:
        _StopAfter(patch, 5)
        with pytest.raises(Stopped):
            pretrain(request, tables, tmp_path / "c")
    write(seed=8)
    straight = pretrain(request, tables, tmp_path / "straight")
    capsys.readouterr()
    assert same(state_of(straight), state_of(pretrain(request, tables, tmp_path / "c")))
    assert "the checkpoint was of other settings, data or code, moved to" in capsys.readouterr().err


def test_the_file_and_its_layout_are_reported_and_its_features_called_what_they_are(
    tables, request_of, tmp_path, capsys, write
):
    write()
    changes = {"backbone": {"init_from": "theirs.pth"}, "optimizer": {"epochs": 1}}
    summary = pretrain(request_of(**changes), tables, tmp_path / "c").summary
    file = tables.data_root / "theirs.pth"
    said = f"run scene-scene: starts from {file}: moco (names behind 'state_dict.module.encoder_q.')"
    assert said in capsys.readouterr().err.splitlines()
    assert summary["features"] == "externally initialised"
    assert summary["settings"]["backbone"]["init_from"] == "theirs.pth"


def test_reading_the_file_draws_no_number_of_torchs_own_generator(tables, request_of, write):
    write()
    settings = request_of(backbone={"init_from": "theirs.pth"}).run.backbone
    before = torch.get_rng_state()
    assert find_initial(settings, tables.data_root, where="here") is not None
    assert torch.equal(torch.get_rng_state(), before)


def test_our_own_file_of_two_colors_is_a_start(tables, request_of, tmp_path):
    request = request_of("cmc", backbone={"init_from": "ours.safetensors"}, optimizer={"epochs": 0})
    with seeded_weights(5):
        trunk = build_backbone(request.run.backbone)
    save_backbone(trunk, tables.data_root / "ours.safetensors", {})
    assert same(trunk.state_dict(), state_of(pretrain(request, tables, tmp_path / "c")))


def test_another_network_of_a_library_starts_from_its_own_names(tables, request_of, tmp_path):
    settings = {"arch": "mobilenet_v3_small", "width": 1.0}
    with seeded_weights(5):
        trunk = build_backbone(request_of(backbone=settings).run.backbone)
    state = {"state_dict": Nested({"backbone": trunk.weights}).state_dict()}
    torch.save(state, tables.data_root / "theirs.ckpt")
    changes = {"backbone": {**settings, "init_from": "theirs.ckpt"}, "optimizer": {"epochs": 0}}
    assert same(trunk.state_dict(), state_of(pretrain(request_of("supervised", **changes), tables, tmp_path / "c")))


def test_a_file_that_is_not_the_pinned_one_stops_before_any_step(tables, request_of, tmp_path, write):
    write()
    digest = file_sha256(tables.data_root / "theirs.pth")
    pinned = {"init_from": "theirs.pth", "init_from_sha256": digest}
    pretrain(request_of(backbone=pinned, optimizer={"epochs": 0}), tables, tmp_path / "c")
    wrong = request_of(backbone={**pinned, "init_from_sha256": "0" * 64})
    with pytest.raises(ValueError, match=rf"is {digest}, runs\.scene-scene\.backbone\.init_from_sha256 expects 000"):
        pretrain(wrong, tables, tmp_path / "wrong")
    assert not saved_states(tmp_path / "wrong")


NAN = torch.full((8,), torch.nan)


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ({"arch": "resnet50"}, {}, r"it is a resnet50; unexpected layer1\.0\.bn3\.bias"),
        ({"arch": "resnet34"}, {}, r"it is a resnet34; unexpected layer1\.2\.bn1"),
        ({"width": 0.25}, {}, r"other shapes bn1\.bias: \(16,\) for \(8,\)"),
        ({}, {"bn1.weight": NAN}, r"values that are not finite in bn1\.weight"),
    ],
)
def test_a_file_of_another_trunk_is_rejected_by_name(tables, request_of, tmp_path, settings, changes, message):
    run = request_of(backbone={"init_from": "theirs.pth"})
    theirs = build_backbone(run.run.backbone.model_copy(update=settings)).state_dict()
    torch.save(theirs | changes, tables.data_root / "theirs.pth")
    with pytest.raises(ValueError, match=rf"theirs\.pth: not the weights of this backbone .*{message}"):
        pretrain(run, tables, tmp_path / "c")
