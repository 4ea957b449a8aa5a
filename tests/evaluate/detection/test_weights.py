"""Weights on their way to Detectron2: every name, and the same features bit by bit."""

import numpy as np
import pytest
import torch
import torchvision
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import get_cfg
from detectron2.modeling import build_model
from detectron2.modeling.backbone import build_backbone as build_detectron2_backbone

from objectcrop.evaluate.detection.config import detection_config
from objectcrop.evaluate.detection.weights import read_detectron2, unused_weights
from objectcrop.networks.key_schemes import as_detectron2
from objectcrop.networks.layout_files import to_detectron2
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask
from tests.evaluate.detection.conftest import trunk_with_statistics

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")


def config(tmp_path, arch, width, kind="detector", **task):
    schedule = {"norm": "BN"}
    model = {"detector": DetectorTask, "segmenter": SegmenterTask}[kind]
    return detection_config(
        model.model_validate({"kind": kind, "dataset": "d", "schedule": schedule} | task),
        BackboneSettings(arch=arch, width=width),
        num_classes=3,
        train_names=["none"],
        test_name="none",
        weights=tmp_path / "w.pkl",
        folder=tmp_path,
        num_processes=1,
        device="cpu",
        seed=0,
        num_workers=0,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conv1.weight", "stem.conv1.weight"),
        ("bn1.running_mean", "stem.conv1.norm.running_mean"),
        ("layer1.0.conv2.weight", "res2.0.conv2.weight"),
        ("layer4.2.bn3.num_batches_tracked", "res5.2.conv3.norm.num_batches_tracked"),
        ("layer2.0.downsample.0.weight", "res3.0.shortcut.weight"),
        ("layer2.0.downsample.1.bias", "res3.0.shortcut.norm.bias"),
    ],
)
def test_names(name, expected):
    assert as_detectron2(name) == expected


def test_a_small_stem_is_rejected():
    with pytest.raises(ValueError, match=r"conv1\.weight is 3 x 3, a small stem's: .* take a run with backbone\.stem"):
        to_detectron2({"conv1.weight": np.zeros((8, 3, 3, 3))})


@pytest.mark.parametrize("name", ["fc.weight", "module.conv1.weight", "layer5.0.conv1.weight", "downsample.0.weight"])
def test_a_name_of_no_trunk_is_rejected(name):
    with pytest.raises(ValueError, match="no tensor of a ResNet trunk"):
        to_detectron2({name: np.zeros(1)})


def test_every_name_of_torchvision_has_its_own():
    names = [name for name in torchvision.models.resnet50().state_dict() if not name.startswith("fc.")]
    assert len({as_detectron2(name) for name in names}) == len(names) == 318


@pytest.mark.parametrize("kind", ["detector", "segmenter"])
@pytest.mark.parametrize(
    ("arch", "width"), [("resnet18", 0.125), ("resnet18", 1.0), ("resnet50", 0.25), ("resnet50", 1.0)]
)
def test_all_weights_land_and_features_are_the_same(tmp_path, exported, arch, width, kind):
    trunk = trunk_with_statistics(arch, width)
    path = exported(trunk)
    model = build_model(config(tmp_path, arch, width, kind)).eval()
    DetectionCheckpointer(model).load(str(path))

    state = {name: value.numpy() for name, value in model.state_dict().items()}
    assert unused_weights(state, read_detectron2(path)) == []
    bottom_up = model.backbone if kind == "detector" else model.backbone.bottom_up
    with torch.no_grad():
        images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
        assert torch.equal(bottom_up(images)["res4"], trunk.forward_layers(images, ("layer3",))["layer3"])
        if kind == "segmenter":
            assert torch.equal(bottom_up(images)["res5"], trunk.forward_map(images))
        else:
            res4 = trunk.forward_layers(images, ("layer3",))["layer3"]
            without_norm = torch.nn.Sequential(*list(model.roi_heads.res5)[:-1])
            assert torch.equal(without_norm(res4), trunk.forward_map(images))


def test_weights_without_a_place_are_reported(tmp_path, exported):
    path = exported(trunk_with_statistics("resnet18", 0.125))
    arrays = read_detectron2(path)
    changed = arrays | {"res3.0.conv1.weight": arrays["res3.0.conv1.weight"] + 1}
    assert unused_weights({f"backbone.{name}": value for name, value in changed.items()}, arrays) == [
        "res3.0.conv1.weight"
    ]


def test_a_counter_without_a_place_is_unused_unless_its_norm_is_there_without_one():
    weights = {"res2.norm.running_mean": np.ones(3), "res2.norm.num_batches_tracked": np.array(7)}
    frozen = {"backbone.res2.norm.running_mean": np.ones(3)}
    assert unused_weights(frozen, weights) == []
    assert unused_weights({"backbone.res2.norm.running_mean": np.zeros(3)}, weights) == list(weights)
    assert unused_weights({}, weights) == list(weights)
    counting = frozen | {"backbone.res2.norm.num_batches_tracked": np.array(0)}
    assert unused_weights(counting, weights) == ["res2.norm.num_batches_tracked"]


def test_the_full_detector_has_the_modules_of_detectron2s_own(tmp_path):
    cfg = config(tmp_path, "resnet50", 1.0)
    ours = build_model(cfg)
    theirs = get_cfg()
    theirs.MODEL.RESNETS.NORM, theirs.MODEL.RESNETS.STRIDE_IN_1X1, theirs.MODEL.BACKBONE.FREEZE_AT = "BN", False, 0
    expected = build_detectron2_backbone(theirs).state_dict()
    assert {name: value.shape for name, value in ours.backbone.state_dict().items()} == {
        name: value.shape for name, value in expected.items()
    }
    assert "norm.running_mean" in ours.roi_heads.res5.state_dict()
    assert not any(parameter.requires_grad is False for parameter in ours.parameters())


def test_the_keys_of_the_recipe(tmp_path):
    cfg = config(tmp_path, "resnet50", 1.0)
    assert cfg.INPUT.FORMAT == "RGB"
    assert cfg.MODEL.PIXEL_MEAN == [123.675, 116.28, 103.53]
    assert cfg.MODEL.PIXEL_STD == [58.395, 57.12, 57.375]
    assert (cfg.MODEL.RESNETS.STRIDE_IN_1X1, cfg.MODEL.BACKBONE.FREEZE_AT, cfg.MODEL.MASK_ON) == (False, 0, False)
    assert (cfg.MODEL.RPN.PRE_NMS_TOPK_TEST, cfg.MODEL.RPN.POST_NMS_TOPK_TEST) == (6000, 1000)
    assert (cfg.SOLVER.MAX_ITER, cfg.SOLVER.STEPS, cfg.SOLVER.BASE_LR) == (24000, (18000, 22000), 0.02)
    assert (cfg.SOLVER.IMS_PER_BATCH, cfg.SOLVER.WARMUP_ITERS, cfg.TEST.PRECISE_BN.NUM_ITER) == (16, 100, 200)
    assert cfg.MODEL.ANCHOR_GENERATOR.SIZES == [[32, 64, 128, 256, 512]]
    assert cfg.MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE == 512
    coco = config(tmp_path, "resnet50", 1.0, "segmenter")
    assert (coco.MODEL.ROI_BOX_HEAD.NUM_CONV, coco.MODEL.ROI_BOX_HEAD.NUM_FC, coco.MODEL.MASK_ON) == (4, 1, True)
    assert coco.MODEL.FPN.NORM == coco.MODEL.ROI_BOX_HEAD.NORM == coco.MODEL.ROI_MASK_HEAD.NORM == "BN"
    assert (coco.MODEL.FPN.OUT_CHANNELS, coco.MODEL.ROI_BOX_HEAD.FC_DIM) == (256, 1024)
    zoo = config(tmp_path, "resnet50", 1.0, "segmenter", head="2fc")
    assert (zoo.MODEL.ROI_BOX_HEAD.NUM_CONV, zoo.MODEL.ROI_BOX_HEAD.NUM_FC, zoo.MODEL.ROI_BOX_HEAD.NORM) == (0, 2, "")


def test_a_width_that_detectron2_cannot_build_is_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"0\.125, 0\.25 or 0\.5"):
        config(tmp_path, "resnet18", 0.3)
