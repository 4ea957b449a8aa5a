"""What Detectron2 lacks for these transfers: thin ResNet-18 trunks, and the C4 head with a norm behind its last stage."""

from typing import Any

from detectron2.layers import ShapeSpec, get_norm
from detectron2.modeling import BACKBONE_REGISTRY, ROI_HEADS_REGISTRY
from detectron2.modeling.backbone import FPN
from detectron2.modeling.backbone.fpn import LastLevelMaxPool
from detectron2.modeling.backbone.resnet import BasicBlock, BasicStem, BottleneckBlock, ResNet, build_resnet_backbone
from detectron2.modeling.roi_heads import Res5ROIHeads
from torch import nn

STAGE_FACTOR = 8  # res5 has 8 times the channels of res2
BASIC_BLOCKS = 2  # blocks of a stage of ResNet-18


@BACKBONE_REGISTRY.register()  # type: ignore[untyped-decorator]
def build_any_resnet_backbone(cfg: Any, input_shape: ShapeSpec) -> ResNet:
    """Build a ResNet trunk: Detectron2's own for depth 50, and depth 18 of any width, which Detectron2 lacks."""
    resnets = cfg.MODEL.RESNETS
    if resnets.DEPTH != 18:
        return build_resnet_backbone(cfg, input_shape)
    inputs = resnets.STEM_OUT_CHANNELS
    stem = BasicStem(in_channels=input_shape.channels, out_channels=inputs, norm=resnets.NORM)
    stages = []
    for stage in range(max(int(name.removeprefix("res")) for name in resnets.OUT_FEATURES) - 1):
        outputs = resnets.RES2_OUT_CHANNELS * 2**stage
        strides = [1 if stage == 0 else 2, 1]
        stages.append(_basic_stage(inputs, outputs, strides, resnets.NORM))
        inputs = outputs
    return ResNet(stem, stages, out_features=resnets.OUT_FEATURES, freeze_at=cfg.MODEL.BACKBONE.FREEZE_AT)


@BACKBONE_REGISTRY.register()  # type: ignore[untyped-decorator]
def build_any_resnet_fpn_backbone(cfg: Any, input_shape: ShapeSpec) -> FPN:
    """Build a feature pyramid on such a trunk, as `build_resnet_fpn_backbone` makes it."""
    fpn = cfg.MODEL.FPN
    return FPN(
        bottom_up=build_any_resnet_backbone(cfg, input_shape),
        in_features=fpn.IN_FEATURES,
        out_channels=fpn.OUT_CHANNELS,
        norm=fpn.NORM,
        top_block=LastLevelMaxPool(),
        fuse_type=fpn.FUSE_TYPE,
    )


@ROI_HEADS_REGISTRY.register()
class NormedRes5ROIHeads(Res5ROIHeads):  # type: ignore[misc]
    """`Res5ROIHeads` whose stage ends in an extra norm.

    A pretrained trunk hands over features of any scale; MoCo's norm after res5 evens this out.
    """

    @classmethod
    def _build_res5_block(cls, cfg: Any) -> tuple[nn.Sequential, int]:
        resnets = cfg.MODEL.RESNETS
        outputs = resnets.RES2_OUT_CHANNELS * STAGE_FACTOR
        if resnets.DEPTH == 18:
            blocks = _basic_stage(outputs // 2, outputs, [2, 1], resnets.NORM)
        else:
            blocks = ResNet.make_stage(
                BottleneckBlock,
                3,
                stride_per_block=[2, 1, 1],
                in_channels=outputs // 2,
                out_channels=outputs,
                bottleneck_channels=resnets.NUM_GROUPS * resnets.WIDTH_PER_GROUP * STAGE_FACTOR,
                num_groups=resnets.NUM_GROUPS,
                norm=resnets.NORM,
                stride_in_1x1=resnets.STRIDE_IN_1X1,
            )
        stage = nn.Sequential(*blocks)
        stage.add_module("norm", get_norm(resnets.NORM, outputs))
        return stage, outputs


def _basic_stage(inputs: int, outputs: int, strides: list[int], norm: str) -> Any:
    return ResNet.make_stage(
        BasicBlock, BASIC_BLOCKS, stride_per_block=strides, in_channels=inputs, out_channels=outputs, norm=norm
    )
