"""What the checks know of networks without PyTorch is what PyTorch's networks are."""

import pytest
import torch
import torchvision
from torchvision.models import get_model, list_models

from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.named import STRIDE, _read_torchvision, _without_classifier
from objectcrop.study.checks.architectures import (
    VGG_CONVOLUTIONS,
    backbone_layers,
    ends_in_relu,
    file_trunk_layers,
    find_arch_problem,
    find_file_arch_problem,
    resnet_layers,
)
from objectcrop.study.checks.torchvision_names import CLASSIFIERS, OTHERS, WITHOUT_MAP
from objectcrop.study.settings.backbones import RESNETS, BackboneSettings, find_shape_problem


def layers_of(network):
    return {name for name, _ in network.named_modules() if name}


def unseen(name):
    """A first block of the first stage has a downsample only where it changes the channels."""
    return not name.startswith("layer1.0.downsample")


def test_the_names_are_those_of_the_installed_torchvision():
    assert list(CLASSIFIERS) == list_models(torchvision.models)
    assert sorted({*CLASSIFIERS, *OTHERS}) == sorted(list_models())


@pytest.mark.parametrize("arch", RESNETS)
def test_layers_of_our_resnets_are_known(arch):
    with torch.device("meta"):
        own = layers_of(build_backbone(BackboneSettings(arch=arch)))
    assert set(filter(unseen, resnet_layers(arch))) == set(filter(unseen, own))
    assert own <= resnet_layers(arch)


@pytest.mark.parametrize("color", ["ycbcr", "lab"])
def test_layers_of_both_parts_of_a_color_pair_are_known(color):
    backbone = BackboneSettings(arch="resnet18", color=color, width=0.25)
    own = layers_of(build_backbone(backbone)) - {"luminance", "chrominance", "colors"}
    assert own <= backbone_layers(backbone)
    assert set(filter(lambda name: unseen(name.partition(".")[2]), backbone_layers(backbone))) <= own


@pytest.mark.parametrize(
    "arch",
    [
        *(f"{name}{end}" for name in VGG_CONVOLUTIONS for end in ("", "_bn")),
        "resnet18",
        "wide_resnet50_2",
        "resnext50_32x4d",
    ],
)
def test_layers_of_networks_from_files_are_known(arch):
    with torch.device("meta"):
        own = layers_of(get_model(arch, weights=None))
    assert set(filter(unseen, file_trunk_layers(arch))) == set(filter(unseen, own))


def test_layers_of_other_networks_are_left_to_pytorch():
    assert file_trunk_layers("densenet121") is None
    assert backbone_layers(BackboneSettings(arch="timm:resnet18")) is None


def test_which_maps_of_a_resnet_are_never_negative():
    network = build_backbone(BackboneSettings(arch="resnet50", width=0.125)).eval()
    least = {}
    for name, module in network.named_modules():
        if name and not isinstance(module, torch.nn.Identity):
            module.register_forward_hook(lambda _, __, maps, name=name: least.update({name: float(maps.min())}))
    with torch.no_grad():
        network(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert {name for name, value in least.items() if value < 0} == {name for name in least if not ends_in_relu(name)}


@pytest.mark.slow
def test_networks_without_a_map_are_those_that_give_none():
    """RegNets look at numbers while they are built, which the meta device has not; they do give maps."""
    without = []
    for arch in (arch for arch in CLASSIFIERS if not arch.startswith("regnet")):
        with torch.device("meta"):
            # without the word these two warn of a change to come
            words = {"init_weights": False} if arch in ("googlenet", "inception_v3") else {}
            network = _without_classifier(get_model(arch, weights=None, **words))
            try:
                side = _read_torchvision(network.eval(), torch.zeros(1, 3, 96, 96)).shape[2:]
            except (RuntimeError, AssertionError, NotImplementedError):
                side = ()
        if tuple(side) != (96 // STRIDE, 96 // STRIDE):
            without.append(arch)
    assert tuple(without) == WITHOUT_MAP


def test_a_misspelt_network_is_named_with_the_near_one():
    assert "did you mean 'resnet50'?" in find_arch_problem("resnet5o")
    assert "did you mean 'vgg16'?" in find_file_arch_problem("vgg_16")
    assert "no map of stride 32" in find_arch_problem("vit_b_16")
    for arch in ("densenet121", "timm:anything"):
        assert find_arch_problem(arch) is None
    for arch in ("vgg16_bn", "efficientnet_lite0", "fcn_resnet50"):
        assert find_file_arch_problem(arch) is None


def test_what_only_our_resnets_have_is_named_also_where_all_settings_are_written_down():
    written = BackboneSettings.model_validate(BackboneSettings(arch="densenet121", stem="small").model_dump())
    assert find_shape_problem(written).startswith("stem: only resnet18")
    assert find_shape_problem(BackboneSettings(arch="densenet121")) is None
    assert find_shape_problem(BackboneSettings(arch="resnet34", width=0.5)) is None
