"""Backbone files, against the safetensors package and torch.save."""

import pytest
import safetensors.torch
import torch
import torchvision

from objectcrop.ssl.backbones import build_backbone
from objectcrop.ssl.weights import (
    load_backbone,
    read_safetensors,
    read_training_precision,
    save_backbone,
    write_safetensors,
)
from objectcrop.study.runs import BackboneSettings

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
    found = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    with safetensors.safe_open(tmp_path / "w.safetensors", "pt") as file:
        assert file.metadata() == {"run": "x"}


def test_we_read_what_the_package_writes(tmp_path):
    tensors = {name: value.contiguous() for name, value in TENSORS.items()}
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors", {"some": "thing"})
    found = read_safetensors(tmp_path / "w.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert all(found[name].dtype == tensors[name].dtype for name in tensors)


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


def test_weights_of_another_trunk_are_refused_by_name(tmp_path):
    state = build_backbone(THIN).state_dict()
    write_safetensors(tmp_path / "w.safetensors", {"foreign": torch.zeros(1), **dict(list(state.items())[1:])}, {})
    with pytest.raises(ValueError, match=r"missing conv1\.weight; unexpected foreign"):
        load_backbone(tmp_path / "w.safetensors", THIN)
    save_backbone(build_backbone(THIN), tmp_path / "t.safetensors", {})
    with pytest.raises(ValueError, match="other shapes"):
        load_backbone(tmp_path / "t.safetensors", BackboneSettings(arch="resnet18", width=0.25))


@pytest.mark.parametrize("color", ["rgb", "ycbcr"])
def test_a_small_stem_goes_on_record_and_does_not_fit_the_other(tmp_path, color):
    large = THIN.model_copy(update={"color": color})
    small = large.model_copy(update={"stem": "small"})
    for name, settings in (("small", small), ("imagenet", large)):
        save_backbone(build_backbone(settings), tmp_path / f"{name}.safetensors", {"run": "x"})
        torch.save(build_backbone(settings).state_dict(), tmp_path / f"{name}.pth")
    with safetensors.safe_open(tmp_path / "small.safetensors", "pt") as file:
        assert file.metadata() == {"run": "x", "stem": "small"}
    with safetensors.safe_open(tmp_path / "imagenet.safetensors", "pt") as file:
        assert file.metadata() == {"run": "x"}
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
def test_files_that_are_cut_off_are_told(tmp_path, kept):
    save_backbone(build_backbone(THIN), tmp_path / "w.safetensors", {})
    data = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(data[:kept])
    with pytest.raises(ValueError, match="cut off"):
        read_safetensors(tmp_path / "w.safetensors")
