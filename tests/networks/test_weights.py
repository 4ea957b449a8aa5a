"""Backbone files, against the safetensors package and torch.save."""

import argparse
import datetime
import os
import pathlib

import pytest
import safetensors.torch
import torch
import torchvision

from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.safetensors import read_metadata, read_safetensors, write_safetensors
from objectcrop.networks.weights import (
    load_backbone,
    read_training_precision,
    read_weights,
    save_backbone,
)
from objectcrop.study.settings.runs import BackboneSettings

THIN = BackboneSettings(arch="resnet18", width=0.125)
TENSORS = {
    "b": torch.tensor([True, False, True]),
    "a": torch.randn(2, 3),
    "count": torch.tensor(7),
    "half": torch.randn(5).bfloat16(),
    "empty": torch.zeros(0, 4),
    "transposed": torch.randn(3, 2).T,
}


def test_the_package_reads_what_we_write(tmp_path):
    write_safetensors(tmp_path / "w.safetensors", TENSORS, {"run": "x"})
    tensors = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    with safetensors.safe_open(tmp_path / "w.safetensors", "pt") as file:
        assert file.metadata().items() >= {"run": "x"}.items()
        assert file.metadata() == read_metadata(tmp_path / "w.safetensors")


def test_we_read_what_the_package_writes(tmp_path):
    tensors = {name: value.contiguous() for name, value in TENSORS.items()}
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors", {"some": "thing"})
    read_back = read_safetensors(tmp_path / "w.safetensors")
    assert all(torch.equal(read_back[name], tensors[name]) for name in tensors)
    assert all(read_back[name].dtype == tensors[name].dtype for name in tensors)


def test_equal_weights_give_equal_bytes(tmp_path):
    for name in "ab":
        write_safetensors(
            tmp_path / name, TENSORS if name == "a" else dict(reversed(TENSORS.items())), {"q": "r", "k": "v"}
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_saved_backbone_is_loaded_whole(tmp_path):
    backbone = build_backbone(THIN, 2)
    backbone(torch.randn(4, 3, 32, 32))
    save_backbone(backbone, tmp_path / "b.safetensors", {})
    loaded = load_backbone(tmp_path / "b.safetensors", THIN)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in backbone.state_dict().items())


def test_torchvisions_pth_is_loaded_without_its_classifier(tmp_path):
    theirs = torchvision.models.resnet18(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "r18.pth")
    loaded = load_backbone(tmp_path / "r18.pth", BackboneSettings(arch="resnet18"))
    assert torch.equal(loaded.conv1.weight, theirs.conv1.weight)


def test_weights_of_another_trunk_are_rejected_by_name(tmp_path):
    state = build_backbone(THIN).state_dict()
    write_safetensors(tmp_path / "w.safetensors", {"foreign": torch.zeros(1), **dict(list(state.items())[1:])}, {})
    with pytest.raises(ValueError, match=r"missing conv1\.weight; unexpected foreign"):
        load_backbone(tmp_path / "w.safetensors", THIN)
    save_backbone(build_backbone(THIN), tmp_path / "t.safetensors", {})
    with pytest.raises(ValueError, match="other shapes"):
        load_backbone(tmp_path / "t.safetensors", BackboneSettings(arch="resnet18", width=0.25))


@pytest.mark.parametrize("color", ["rgb", "ycbcr"])
def test_a_small_stem_is_recorded_and_does_not_fit_the_other(tmp_path, color):
    large = THIN.model_copy(update={"color": color})
    small = large.model_copy(update={"stem": "small"})
    for name, settings in (("small", small), ("imagenet", large)):
        save_backbone(build_backbone(settings), tmp_path / f"{name}.safetensors", {"run": "x"})
        torch.save(build_backbone(settings).state_dict(), tmp_path / f"{name}.pth")
    with safetensors.safe_open(tmp_path / "small.safetensors", "pt") as file:
        assert file.metadata().items() >= {"run": "x", "stem": "small"}.items()
    with safetensors.safe_open(tmp_path / "imagenet.safetensors", "pt") as file:
        assert file.metadata()["run"] == "x"
        assert "stem" not in file.metadata()
    load_backbone(tmp_path / "small.safetensors", small)
    for ending in ("safetensors", "pth"):
        with pytest.raises(ValueError, match=r"stem of the run\): stem small for imagenet; other shapes"):
            load_backbone(tmp_path / f"small.{ending}", large)
        with pytest.raises(ValueError, match=r"stem of the run\): stem imagenet for small; other shapes"):
            load_backbone(tmp_path / f"imagenet.{ending}", small)


def test_the_precision_of_training_is_read_from_the_file_alone(tmp_path):
    for name, metadata in {"a": {"precision": "bfloat16"}, "b": {}}.items():
        save_backbone(build_backbone(THIN), tmp_path / f"{name}.safetensors", metadata)
    assert read_training_precision(tmp_path / "a.safetensors") == "bfloat16"
    assert read_training_precision(tmp_path / "b.safetensors") == "unknown"
    (tmp_path / "c.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ValueError, match=r"c\.safetensors: not a safetensors file, or cut off"):
        read_training_precision(tmp_path / "c.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 200, -10])
def test_files_that_are_cut_off_are_reported(tmp_path, kept):
    save_backbone(build_backbone(THIN), tmp_path / "w.safetensors", {})
    data = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(data[:kept])
    with pytest.raises(ValueError, match="cut off"):
        read_safetensors(tmp_path / "w.safetensors")


def without_counters(state):
    return {name: tensor for name, tensor in state.items() if not name.endswith(".num_batches_tracked")}


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_without_counters_of_batches_are_loaded_and_count_from_0(tmp_path, ending):
    trunk = build_backbone(THIN)
    trunk(torch.randn(2, 3, 32, 32))
    state = without_counters(trunk.state_dict())
    path = tmp_path / f"old.{ending}"
    torch.save(state, path) if ending == "pth" else write_safetensors(path, state, {})
    loaded = load_backbone(path, THIN).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    counters = [tensor for name, tensor in loaded.items() if name not in state]
    assert len(counters) == 20
    assert not any(counters)


def test_only_counters_of_batches_may_be_missing(tmp_path):
    state = without_counters(build_backbone(THIN).state_dict())
    del state["layer1.0.bn1.running_mean"]
    torch.save(state, tmp_path / "lost.pth")
    with pytest.raises(ValueError, match=r"missing layer1\.0\.bn1\.running_mean$"):
        load_backbone(tmp_path / "lost.pth", THIN)


ZIPPED_OR_NOT = pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])


@ZIPPED_OR_NOT
def test_a_checkpoint_with_the_arguments_of_its_training_is_loaded(tmp_path, is_zip):
    state = build_backbone(THIN).state_dict()
    args = argparse.Namespace(arch="resnet18", lr=0.03, schedule=[120, 160], mlp=True, resume=None)
    checkpoint = {"epoch": 200, "arch": "resnet18", "state_dict": state, "args": args}
    torch.save(checkpoint, tmp_path / "moco.pth", _use_new_zipfile_serialization=is_zip)
    loaded = load_backbone(tmp_path / "moco.pth", THIN).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def test_namespaces_are_allowed_for_the_reading_of_weights_alone(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    assert argparse.Namespace not in before
    torch.save({"state_dict": TENSORS, "args": argparse.Namespace(lr=1)}, tmp_path / "moco.pth")
    assert read_weights(tmp_path / "moco.pth").keys() == TENSORS.keys()
    assert set(torch.serialization.get_safe_globals()) == before
    torch.save({"state_dict": TENSORS, "date": datetime.date(2026, 1, 1)}, tmp_path / "dated.pth")
    with pytest.raises(ValueError, match="dated"):
        read_weights(tmp_path / "dated.pth")
    assert set(torch.serialization.get_safe_globals()) == before


@ZIPPED_OR_NOT
@pytest.mark.parametrize("is_hidden", [False, True], ids=["beside", "in_the_arguments"])
def test_a_checkpoint_with_another_class_is_rejected_by_name_and_says_how_to_convert_it(tmp_path, is_zip, is_hidden):
    value = pathlib.PurePosixPath("data")
    state = build_backbone(THIN).state_dict()
    beside = {"args": argparse.Namespace(data=value)} if is_hidden else {"data": value}
    torch.save({"state_dict": state} | beside, tmp_path / "c.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ValueError, match=r"c\.pth: it holds pathlib\.PurePosixPath, .*") as rejected:
        load_backbone(tmp_path / "c.pth", THIN)
    message = str(rejected.value)
    assert "state_dict alone" in message
    assert "an environment that you trust" in message
    assert "weights_only=False" in message
    assert "\n" not in message


class Malicious:
    """Pickled, it is a call that runs when it is loaded without care."""

    def __init__(self, call, argument):
        self.call = call, (argument,)

    def __reduce__(self):
        return self.call


@ZIPPED_OR_NOT
@pytest.mark.parametrize("place", ["beside", "in_the_arguments", "as_the_arguments", "as_a_tensor"])
@pytest.mark.parametrize(("call", "named"), [(os.system, r"(os|posix)\.system"), (eval, "eval")])
def test_a_call_hidden_in_a_checkpoint_is_rejected_and_not_run(tmp_path, call, named, place, is_zip):
    trace = tmp_path / "it-ran"
    command = f"touch {trace}" if call is os.system else f"open({str(trace)!r}, 'w').close()"
    call_of = Malicious(call, command)
    state = {"conv1.weight": torch.zeros(8, 3, 7, 7), "bn1.weight": torch.ones(8)}
    checkpoint = {
        "beside": {"state_dict": state, "zz": call_of},
        "in_the_arguments": {"state_dict": state, "args": argparse.Namespace(lr=0.1, then=[{"deep": call_of}])},
        "as_the_arguments": {"args": call_of, "state_dict": state},
        "as_a_tensor": {"state_dict": state | {"conv1.weight": call_of}},
    }[place]
    torch.save(checkpoint, tmp_path / "evil.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ValueError, match=rf"evil\.pth: it holds {named}, "):
        read_weights(tmp_path / "evil.pth")
    assert not trace.exists()
    torch.load(tmp_path / "evil.pth", weights_only=False)
    assert trace.exists(), "the call would run without the care, so the test can fail"


def test_a_file_that_is_no_checkpoint_is_rejected_by_name(tmp_path):
    (tmp_path / "page.pth").write_text("<html>404: not a file of weights</html>")
    with pytest.raises(ValueError, match=r"page\.pth: it is not a checkpoint of torch\.save"):
        read_weights(tmp_path / "page.pth")
