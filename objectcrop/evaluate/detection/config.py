"""Detectron2 configs of the two fine-tunings: every key that differs from Detectron2's defaults.

Faster R-CNN C4 follows MoCo's `pascal_voc_R_50_C4_24k_moco`, Mask R-CNN FPN DenseCL's `R_50_FPN_1x_infomin` (box head of 4
convolutions and 1 linear layer, norm in both heads) or the model zoo's 2-linear-layer head, Mask R-CNN C4 MoCo's COCO config
(the model zoo's, with the norms of the VOC one). Thin trunks and ResNet-18 are
ours, for small studies.
"""

from pathlib import Path
from typing import Any

from objectcrop.study.settings.backbones import CHANNELS, BackboneSettings, find_detector_problem
from objectcrop.study.settings.tasks import DetectionSchedule, DetectorTask, SegmenterTask

PIXEL_MEAN = [123.675, 116.280, 103.530]
PIXEL_STD = [58.395, 57.120, 57.375]
DEPTH = {"resnet18": 18, "resnet50": 50}
REFERENCE_SHORT_SIDE_PX = 800


def effective_norm(norm: str, num_processes: int) -> str:
    """Return the norm in force: SyncBN is plain BN in a single process, as PyTorch's does not run there on the CPU."""
    return "BN" if norm == "SyncBN" and num_processes == 1 else norm


def detection_config(
    task: DetectorTask | SegmenterTask,
    backbone: BackboneSettings,
    *,
    num_classes: int,
    train_names: list[str],
    test_name: str,
    weights: Path,
    folder: Path,
    num_processes: int,
    device: str,
    seed: int,
    num_workers: int,
) -> Any:
    """Build the frozen config node of a task.

    Args:
        task: what is fine-tuned, and for how long.
        backbone: trunk of the run.
        num_classes: of the data set.
        train_names: registered training sets.
        test_name: registered test set.
        weights: file that export_backbone wrote.
        folder: for checkpoints.
        num_processes: processes of the training.
        device: cpu or cuda.
        seed: of everything random.
        num_workers: loader processes.
    """
    from detectron2.config import get_cfg

    cfg = get_cfg()
    norm = effective_norm(task.schedule.norm, num_processes)
    cfg.MODEL.WEIGHTS, cfg.MODEL.DEVICE, cfg.OUTPUT_DIR, cfg.SEED = str(weights), device, str(folder), seed
    cfg.MODEL.META_ARCHITECTURE = "GeneralizedRCNN"
    cfg.MODEL.PIXEL_MEAN, cfg.MODEL.PIXEL_STD, cfg.INPUT.FORMAT = PIXEL_MEAN, PIXEL_STD, "RGB"
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = tuple(train_names), (test_name,)
    cfg.DATALOADER.NUM_WORKERS = num_workers
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = num_classes
    _set_backbone(cfg, backbone, norm)
    _set_schedule(cfg, task.schedule)
    width = min(1.0, backbone.width)
    if isinstance(task, DetectorTask):
        _set_c4(cfg)
    elif task.head == "c4":
        _set_c4(cfg)
        _set_masks_of_c4(cfg, width)
    else:
        _set_fpn(cfg, norm, task.head, width)
    cfg.MODEL.RPN.POST_NMS_TOPK_TEST = task.schedule.test_regions_per_image
    # anchors keep their share of the image where images are much smaller than the recipe's
    scale = min(1.0, 2 * task.schedule.test_short_side_px / REFERENCE_SHORT_SIDE_PX)
    sizes = cfg.MODEL.ANCHOR_GENERATOR.SIZES
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[size * scale for size in level] for level in sizes]
    cfg.freeze()
    return cfg


def _set_backbone(cfg: Any, backbone: BackboneSettings, norm: str) -> None:
    resnets = cfg.MODEL.RESNETS
    if problem := find_detector_problem(backbone):
        raise ValueError(f"backbone: {problem}")
    resnets.DEPTH = DEPTH[backbone.arch]
    width = round(CHANNELS * backbone.width)
    resnets.STEM_OUT_CHANNELS = width
    resnets.RES2_OUT_CHANNELS = width if backbone.arch == "resnet18" else 4 * width
    resnets.WIDTH_PER_GROUP = width
    resnets.STRIDE_IN_1X1 = False
    resnets.NORM = norm
    cfg.MODEL.BACKBONE.FREEZE_AT = 0


def _set_schedule(cfg: Any, schedule: DetectionSchedule) -> None:
    solver = cfg.SOLVER
    solver.IMS_PER_BATCH, solver.BASE_LR = schedule.images_per_batch, schedule.scaled_learning_rate
    solver.MAX_ITER, solver.STEPS = schedule.max_iterations, tuple(schedule.decay_iterations)
    solver.WARMUP_ITERS = schedule.warmup_iterations
    cfg.INPUT.MIN_SIZE_TRAIN = tuple(schedule.train_short_sides_px)
    cfg.INPUT.MIN_SIZE_TEST = schedule.test_short_side_px
    cfg.INPUT.MAX_SIZE_TRAIN = cfg.INPUT.MAX_SIZE_TEST = schedule.max_long_side_px
    cfg.MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE = schedule.regions_per_image
    cfg.TEST.PRECISE_BN.ENABLED = schedule.precise_batch_norm_iterations > 0
    cfg.TEST.PRECISE_BN.NUM_ITER = max(schedule.precise_batch_norm_iterations, 1)


def _set_c4(cfg: Any) -> None:
    cfg.MODEL.BACKBONE.NAME = "build_any_resnet_backbone"
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res4"]
    cfg.MODEL.RPN.IN_FEATURES = ["res4"]
    cfg.MODEL.RPN.PRE_NMS_TOPK_TEST = 6000
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[32, 64, 128, 256, 512]]
    cfg.MODEL.ROI_HEADS.NAME, cfg.MODEL.ROI_HEADS.IN_FEATURES = "NormedRes5ROIHeads", ["res4"]
    cfg.MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION = 14


def _set_masks_of_c4(cfg: Any, width: float) -> None:
    mask = cfg.MODEL.ROI_MASK_HEAD
    cfg.MODEL.MASK_ON = True
    mask.NAME, mask.NUM_CONV, mask.POOLER_RESOLUTION = "MaskRCNNConvUpsampleHead", 0, 14
    mask.CONV_DIM = max(8, round(256 * width))


def _set_fpn(cfg: Any, norm: str, head: str, width: float) -> None:
    levels = ["p2", "p3", "p4", "p5"]
    cfg.MODEL.BACKBONE.NAME = "build_any_resnet_fpn_backbone"
    cfg.MODEL.RESNETS.OUT_FEATURES = cfg.MODEL.FPN.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.FPN.NORM = norm
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[32], [64], [128], [256], [512]]
    cfg.MODEL.RPN.IN_FEATURES = [*levels, "p6"]
    cfg.MODEL.RPN.PRE_NMS_TOPK_TRAIN, cfg.MODEL.RPN.PRE_NMS_TOPK_TEST = 2000, 1000
    cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN = 1000
    cfg.MODEL.MASK_ON = True
    cfg.MODEL.ROI_HEADS.NAME, cfg.MODEL.ROI_HEADS.IN_FEATURES = "StandardROIHeads", levels
    box, mask = cfg.MODEL.ROI_BOX_HEAD, cfg.MODEL.ROI_MASK_HEAD
    box.NAME, box.POOLER_RESOLUTION = "FastRCNNConvFCHead", 7
    box.NUM_CONV, box.NUM_FC, box.NORM = (4, 1, norm) if head == "4conv1fc" else (0, 2, "")
    mask.NAME, mask.NUM_CONV, mask.POOLER_RESOLUTION = "MaskRCNNConvUpsampleHead", 4, 14
    # thin trunks get thin heads
    channels, box.FC_DIM = max(8, round(256 * width)), max(32, round(1024 * width))
    cfg.MODEL.FPN.OUT_CHANNELS = box.CONV_DIM = mask.CONV_DIM = channels
    mask.NORM = norm if head == "4conv1fc" else ""
