"""Networks from files: the right names and shapes, and the error when they are not."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model

from objectcrop.networks.weights import read_weights
from objectcrop.proposals.lod.regions.extraction import Extractor
from objectcrop.proposals.networks import LITE0, build_network, load_network, packaged_weights, unwrapped
from objectcrop.proposals.trunk import Trunk
from objectcrop.study.settings.proposals import FileTrunk, LodProposals

SMALL = FileTrunk(arch="squeezenet1_1", weights="small.pth", trained_with="nothing")
LAYERS = ("features.3", "features.6")


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = get_model("squeezenet1_1", weights=None).features
    return {f"features.{name}": tensor for name, tensor in trunk.state_dict().items()}


def test_a_bare_numbered_trunk_and_a_wrapped_one_are_the_same(weights):
    numbered = {name.removeprefix("features."): tensor for name, tensor in weights.items()}
    wrapped = {f"module.encoder.{name}": tensor for name, tensor in weights.items()}
    for tensors in (weights, numbered, wrapped):
        assert unwrapped(tensors).keys() == weights.keys()
        network = load_network(SMALL, tensors, LAYERS, where="x")
        assert torch.equal(network.state_dict()["features.3.squeeze.bias"], weights["features.3.squeeze.bias"])


def test_tensors_of_no_use_for_the_layers_may_be_missing(weights):
    some = {n: tensor for n, tensor in weights.items() if int(n.split(".")[1]) <= 6}
    assert not load_network(SMALL, some, LAYERS, where="x").training


def test_a_classifier_of_another_task_is_left_out(weights):
    others = {"classifier.1.weight": torch.zeros(3, 3), "fc.weight": torch.zeros(1)}
    state = load_network(SMALL, weights | others, LAYERS, where="x").state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights.items())
    assert state["classifier.1.weight"].shape != (3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {n: t for n, t in w.items() if n != "features.0.bias"}, r"1 missing, first features\.0\.bias"),
        (lambda w: w | {"features.99.weight": torch.zeros(1)}, r"1 unexpected, first features\.99"),
        (lambda w: w | {"features.0.bias": torch.zeros(3)}, r"1 of another shape, first features\.0\.bias"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, change, message):
    with pytest.raises(ValueError, match=rf"some\.pth: not the weights of squeezenet1_1: {message}"):
        load_network(SMALL, change(weights), LAYERS, where="some.pth")


@pytest.mark.parametrize(("arch", "near"), [("vgg61", "vgg16"), ("vit_small_patch16_224.dino", "timm is not")])
def test_an_unknown_network_is_told_with_what_is_near(arch, near):
    with pytest.raises(ValueError, match=near):
        build_network(arch)


@pytest.mark.parametrize(
    ("arch", "fine", "coarse", "whole", "channels"),
    [
        ("vgg16", "features.22", "features.29", "classifier.1", 8),
        ("vgg16_bn", "features.32", "features.42", "features.42", 512),
    ],
)
def test_the_layers_of_lod_s_networks_have_its_sizes(arch, fine, coarse, whole, channels):
    with torch.device("meta"):  # drawing the classifier's 100 million numbers takes seconds
        network = get_model(arch, weights=None).eval()
    network.classifier = nn.Sequential(nn.Linear(25088, 8), nn.ReLU())
    network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.fill_(0.001)
    trunk = Trunk(network, (fine, coarse), whole)
    maps = trunk.maps(np.zeros((70, 100, 3), dtype=np.uint8))
    assert [values.shape for values in maps] == [(512, 8, 12), (512, 4, 6)]  # floor(side / 8), floor(side / 16)
    assert trunk.strides == {fine: 8, coarse: 16}
    assert trunk.descriptor(np.zeros((20, 30, 3), dtype=np.uint8), 224).shape == (channels,)
    assert min(values.min() for values in maps) >= 0


def test_checkpoints_that_keep_the_tensors_beside_other_things_are_read(tmp_path, weights):
    torch.save({"epoch": 80, "network": weights}, tmp_path / "obow.pth")
    assert read_weights(tmp_path / "obow.pth").keys() == weights.keys()


def test_one_trunk_is_asked_for_and_a_file_unless_a_package_has_it():
    both = {"kind": "lod", "features_run": "r", "trunk": SMALL.model_dump()}
    for wrong in (both, {"kind": "lod"}):
        with pytest.raises(ValueError, match="one of them"):
            LodProposals.model_validate(wrong)
    with pytest.raises(ValueError, match="vgg16 needs a file"):
        FileTrunk(arch="vgg16", trained_with="labels")
    with pytest.raises(ValueError, match="no package carries weights of vgg16"):
        packaged_weights("vgg16")


def test_a_network_of_a_package_that_is_not_here_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ValueError, match="efficientnet-lite-pytorch: install the extra 'lite0'"):
        build_network(LITE0)


def test_efficientnet_lite0_gives_maps_that_lod_can_use():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'lite0' is not installed")
    settings = LodProposals(
        kind="lod",
        trunk=FileTrunk(arch=LITE0, trained_with="ImageNet labels", pixels="minus_one_to_one"),
        layers=("_blocks.4._swish", "_blocks.10._swish"),
        descriptor_layer="_avg_pooling",
        max_peaks=3,
        num_levels=5,
    )
    network = load_network(
        settings.trunk, read_weights(packaged_weights(LITE0)), (*settings.layers, "_avg_pooling"), where="package"
    )
    trunk = Trunk(network, settings.layers, "_avg_pooling", "minus_one_to_one")
    assert trunk.strides == {"_blocks.4._swish": 8, "_blocks.10._swish": 16}
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    described = Extractor(trunk, settings, 0).describe(noise, "a")
    assert described.descriptor.shape == (1280,)
    assert len(described.regions.boxes) > 1
