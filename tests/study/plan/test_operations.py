"""Operations of networks, held against torchvision's own counts and against those of ssl_recipes (section 3.2)."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model_weights

from objectcrop.evaluate.segmentation.network import DeepLabv3
from objectcrop.networks.backbones import build_backbone
from objectcrop.study.plan.operations import DILATED, FORWARD_GFLOP, forward_gflop, training_gflop
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run


def run(method, **settings):
    return Run.model_validate({"dataset": "d", "method": method, **settings})


@pytest.mark.parametrize("arch", FORWARD_GFLOP)
def test_a_forward_pass_has_twice_the_multiply_adds_that_torchvision_states(arch):
    stated = get_model_weights(arch).IMAGENET1K_V1.meta["_ops"]
    assert forward_gflop(BackboneSettings(arch=arch), 224) == pytest.approx(2 * stated, rel=0.002)


@pytest.mark.parametrize(
    ("settings", "gflop"),
    [
        (run("moco_v2"), 32.5),
        (run("densecl"), 32.5),
        (run("byol"), 65.0),
        (run("swav"), 75.6),
        (run("supervised"), 24.31),
        (run("moco_v2", losses={"rotation": 1.0, "localization": 1.0}), 81.2),
    ],
)
def test_training_on_an_image_takes_what_was_counted(settings, gflop):
    assert training_gflop(settings) == pytest.approx(gflop, rel=0.02)


def test_area_width_and_stem_count():
    usual = forward_gflop(BackboneSettings(), 224)
    assert forward_gflop(BackboneSettings(), 112) == pytest.approx(usual / 4)
    assert forward_gflop(BackboneSettings(width=0.5), 224) == pytest.approx(usual / 4)
    assert forward_gflop(BackboneSettings(color="lab"), 224) == pytest.approx(usual / 2)
    assert forward_gflop(BackboneSettings(stem="small"), 56) == pytest.approx(usual)


def test_what_is_not_known_is_none():
    assert forward_gflop(BackboneSettings(arch="vgg16"), 224) is None
    boxes = {"regions": ["object", "dilated_object"], "proposals": "gt", "sample_unit": "box"}
    assert training_gflop(run("moco_v2", views=boxes)) is None
    assert training_gflop(Run(method="random_init")) == 0


def test_a_dilated_trunk_with_deeplabs_head_costs_as_much_as_pytorch_counts():
    backbone = BackboneSettings(arch="resnet50")
    with torch.device("meta"):
        network = DeepLabv3(build_backbone(backbone), 150, (12, 24, 36)).eval()
        image = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        network(image, (256, 256))
    assert counter.get_total_flops() / 1e9 == pytest.approx(DILATED * forward_gflop(backbone, 256), rel=0.02)
