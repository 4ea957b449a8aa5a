"""Trunks by name: torchvision's and timm's, read at their last map."""

import pytest
import timm
import torch
import torchvision

from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.batch_norm import SplitBatchNorm2d
from objectcrop.networks.named import build_named, find_network_problem
from objectcrop.networks.weights import load_backbone, save_backbone
from objectcrop.study.settings.runs import BackboneSettings


def pooled_by_the_library(name, network, images):
    if name.startswith("timm:"):
        return network.forward_features(images).mean(dim=(2, 3))
    if "shufflenet" in name:
        network.fc = torch.nn.Identity()
    else:
        network.classifier = torch.nn.Identity()
    return network(images)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "shufflenet_v2_x0_5", "timm:resnet10t", "timm:mobilenetv3_small_050"]
)
def test_features_and_names_are_the_librarys_and_travel_through_a_file(tmp_path, name):
    settings = BackboneSettings(arch=name)
    ours = build_backbone(settings).eval()
    if name.startswith("timm:"):
        theirs = timm.create_model(name.removeprefix("timm:"), pretrained=False).eval()
    else:
        theirs = torchvision.models.get_model(name, weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")  # its classifier too
    if name == "timm:mobilenetv3_small_050":  # a layer behind the map is part of its head
        torch.save(
            {n: v for n, v in theirs.state_dict().items() if n in ours.weights.state_dict()}, tmp_path / "theirs.pth"
        )
    ours = load_backbone(tmp_path / "theirs.pth", settings).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = ours(images)
        torch.testing.assert_close(features, pooled_by_the_library(name, theirs, images))
        assert ours.forward_map(images).shape == (2, ours.num_features, 2, 2)
        save_backbone(ours, tmp_path / "ours.safetensors", {})
        torch.testing.assert_close(load_backbone(tmp_path / "ours.safetensors", settings).eval()(images), features)
    assert set(ours.weights.state_dict()) <= set(theirs.state_dict())


def test_batch_norm_is_split_or_shared_with_fresh_weights_kept():
    settings = BackboneSettings(arch="timm:resnet10t")
    plain = build_backbone(settings)
    for trunk in (build_backbone(settings, 4), build_backbone(settings, 2)):
        norms = [module for module in trunk.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
        assert {type(norm) for norm in norms} == {SplitBatchNorm2d}
        assert list(trunk.state_dict()) == list(plain.state_dict())
        assert trunk(torch.randn(8, 3, 64, 64)).shape == (8, 512)


def test_batch_norm_with_an_activation_is_rejected_where_it_would_be_split():
    settings = BackboneSettings(arch="timm:mobilenetv3_small_050")
    with pytest.raises(ValueError, match="is a BatchNormAct2d, which can be neither split nor shared"):
        build_backbone(settings, 4)
    for trunk in (build_backbone(settings, 0), build_backbone(settings, is_global=True)):
        assert trunk.num_features == 288  # one process: batch norm over its whole batch is what it has


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:vit_tiny_patch16_224", "does not read images of 96 px to a map"),
        ("alexnet", r"to shape \(256, 2, 2\); a trunk needs a map .* of stride 32"),
        ("resnet5", "torchvision has no such network; near are .*'resnet50'"),
        ("timm:resnt18", "timm has no such network; near are .*'timm:resnet18'"),
        ("timm:zzzzzzzz", "timm has no such network$"),
    ],
)
def test_what_is_no_trunk_is_rejected_in_one_sentence(name, message):
    with pytest.raises(ValueError, match=message):
        build_named(name)


def test_names_of_networks_are_no_problem():
    assert find_network_problem("densenet121") is None
    assert find_network_problem("timm:resnet18") is None


def test_width_colour_and_stem_are_for_resnets():
    for changes in ({"width": 0.5}, {"color": "lab"}, {"stem": "small"}):
        with pytest.raises(ValueError, match=rf"backbone\.{next(iter(changes))}: only resnet18, resnet34"):
            build_backbone(BackboneSettings(arch="densenet121", **changes))
