"""The dilated trunk: torchvision's where it has one, and the plain trunk on every fourth pixel."""

import copy

import pytest
import torch
from torchvision.models import resnet50

from objectcrop.evaluate.segmentation.network import DeepLabv3, dilated
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.study.settings.backbones import BackboneSettings, find_dilation_problem


def trunk_of(**settings):
    """A trunk with batch statistics that are no identity, in eval mode."""
    with seeded_weights(0):
        trunk = build_backbone(BackboneSettings(**settings)).eval()
        for module in trunk.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return trunk


@torch.no_grad()
def test_the_dilated_trunk_is_torchvisions():
    trunk = trunk_of(arch="resnet50")
    theirs = resnet50(replace_stride_with_dilation=[False, True, True]).eval()
    theirs.fc, theirs.avgpool = torch.nn.Identity(), torch.nn.Identity()
    theirs.load_state_dict(trunk.state_dict())
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    ours = dilated(trunk).forward_map(images)
    assert ours.shape == (1, 2048, 8, 12)
    assert torch.equal(ours.flatten(1), theirs(images))


@torch.no_grad()
@pytest.mark.parametrize("settings", [{"arch": "resnet18", "width": 0.25}, {"arch": "resnet50", "width": 0.25}])
def test_every_fourth_pixel_of_its_map_is_the_plain_trunks(settings):
    trunk = trunk_of(**settings).double()
    images = torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = trunk.forward_map(images)
    before = copy.deepcopy(trunk.state_dict())
    dense = dilated(trunk).forward_map(images)
    assert dense.shape[2:] == (12, 16)
    torch.testing.assert_close(dense[:, :, ::4, ::4], plain)
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())


def test_each_pixel_has_a_score_of_each_class_and_both_parts_get_gradients():
    network = DeepLabv3(trunk_of(arch="resnet18", width=0.125), num_classes=5, atrous_rates=(1, 2, 3)).train()
    scores = network(torch.zeros(2, 48, 64, 3, dtype=torch.uint8), (30, 50))
    assert scores.shape == (2, 5, 30, 50)
    scores.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("settings", [{"arch": "resnet18", "color": "lab"}, {"arch": "mobilenet_v2"}])
def test_a_trunk_that_cannot_be_dilated_is_rejected(settings):
    with pytest.raises(ValueError, match="expected a ResNet in RGB, got"):
        dilated(trunk_of(**settings))
    assert "semantic segmenters are fine-tuned from resnet18" in find_dilation_problem(BackboneSettings(**settings))


def test_trunks_that_can_be_dilated_have_no_problem():
    assert find_dilation_problem(BackboneSettings(arch="resnet101", width=0.5)) is None
    assert "the small one" in find_dilation_problem(BackboneSettings(stem="small"))
