"""Trunks against torchvision's."""

import numpy as np
import pytest
import torch
import torchvision

from objectcrop.networks.backbones import STAGES, build_backbone, seeded_weights
from objectcrop.proposals.trunk import Trunk
from objectcrop.study.settings.runs import BackboneSettings


@pytest.mark.parametrize("arch", ["resnet18", "resnet34", "resnet50", "resnet101"])
def test_full_width_is_torchvisions_trunk(arch):
    theirs = getattr(torchvision.models, arch)(weights=None).eval()
    state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("fc.")}
    ours = build_backbone(BackboneSettings(arch=arch)).eval()
    assert {name: value.shape for name, value in ours.state_dict().items()} == {n: v.shape for n, v in state.items()}
    ours.load_state_dict(state)
    theirs.fc = torch.nn.Identity()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))
    assert ours.num_features == theirs(images).shape[1]


def test_thin_trunks_keep_the_names_and_scale_every_layer():
    thin = build_backbone(BackboneSettings(arch="resnet50", width=0.25)).state_dict()
    full = build_backbone(BackboneSettings(arch="resnet50")).state_dict()
    assert list(thin) == list(full)
    for name, value in thin.items():
        if value.dim():
            assert value.shape[0] * 4 == full[name].shape[0], name


def test_fresh_weights_are_distributed_as_torchvisions():
    with seeded_weights(0):
        ours = build_backbone(BackboneSettings(arch="resnet18")).state_dict()
    theirs = torchvision.models.resnet18(weights=None).state_dict()
    for name, value in ours.items():
        if value.dim() == 4:
            assert value.std().item() == pytest.approx(theirs[name].std().item(), rel=0.1), name


def test_layers_by_name_and_strides():
    backbone = build_backbone(BackboneSettings(arch="resnet18", width=0.125)).eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        maps = backbone.forward_layers(images, ("layer2", "layer4"))
        assert maps["layer2"].shape[2:] == (8, 12)
        assert maps["layer4"].shape[2:] == (2, 3)
        torch.testing.assert_close(backbone.forward_map(images), maps["layer4"])
        torch.testing.assert_close(backbone(images), maps["layer4"].mean(dim=(2, 3)))
    with pytest.raises(ValueError, match="no layer"):
        backbone.forward_layers(images, ("layer5",))


def test_a_seed_gives_the_same_weights_and_leaves_torchs_generator_alone():
    settings = BackboneSettings(arch="resnet18", width=0.125)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded_weights(1):
        first = build_backbone(settings)
    assert torch.equal(torch.rand(3), expected)
    with seeded_weights(1):
        second = build_backbone(settings)
    with seeded_weights(2):
        third = build_backbone(settings)
    assert torch.equal(first.conv1.weight, second.conv1.weight)
    assert not torch.equal(first.conv1.weight, third.conv1.weight)


def test_split_batch_norm_leaves_the_names_as_they_are():
    settings = BackboneSettings(arch="resnet18", width=0.125)
    assert list(build_backbone(settings, 2).state_dict()) == list(build_backbone(settings).state_dict())


@pytest.mark.parametrize("arch", ["resnet18", "resnet50"])
def test_a_small_stem_is_torchvisions_trunk_without_the_first_two_strides(arch):
    """The usual way to make torchvision's ResNet one for CIFAR: another first convolution, no pooling."""
    theirs = getattr(torchvision.models, arch)(weights=None).eval()
    theirs.conv1 = torch.nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    theirs.maxpool = torch.nn.Identity()
    theirs.fc = torch.nn.Identity()
    ours = build_backbone(BackboneSettings(arch=arch, stem="small")).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("color", ["rgb", "lab"])
def test_a_small_stem_keeps_small_images_large(color):
    settings = BackboneSettings(arch="resnet18", width=0.125, stem="small", color=color)
    maps = build_backbone(settings).eval().forward_layers(torch.randn(1, 3, 32, 48), STAGES)
    assert [tuple(map_.shape[2:]) for map_ in maps.values()] == [(32, 48), (16, 24), (8, 12), (4, 6)]
    names = list(build_backbone(settings).state_dict())
    assert names == list(build_backbone(settings.model_copy(update={"stem": "imagenet"})).state_dict())


def test_lod_finds_the_strides_of_a_small_stem():
    network = build_backbone(BackboneSettings(arch="resnet18", width=0.125, stem="small")).eval()
    trunk = Trunk(network, ("layer3", "layer4"), "layer4")
    assert trunk.strides == {"layer3": 4, "layer4": 8}
    assert [map_.shape[1:] for map_ in trunk.maps(np.zeros((40, 64, 3), dtype=np.uint8))] == [(10, 16), (5, 8)]


def test_other_networks_have_no_small_stem():
    with pytest.raises(ValueError, match=r"stem: only resnet18, .* can have another than imagenet, densenet121 cannot"):
        build_backbone(BackboneSettings(arch="densenet121", stem="small"))
