"""How many floating-point operations the networks of a run take for an image."""

from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run

FORWARD_GFLOP = {"resnet18": 3.63, "resnet34": 7.33, "resnet50": 8.18, "resnet101": 15.60, "resnet152": 23.03}
"""Of an image of 224 pixels: twice the multiply-adds of torchvision's tables (its key _ops)."""
USUAL_SIZE_PX = 224
WITH_BACKWARD = 3
"""Forward and backward pass over the forward pass."""
DILATED = 7.7
"""A ResNet-50 dilated to stride 8 with DeepLabv3's head over the plain one, as PyTorch's counter has it (a test counts)."""
SMALL_STEM = 16
"""Every map of a trunk with the small stem has four times the side."""


def forward_gflop(backbone: BackboneSettings, size_px: int) -> float | None:
    """Return the operations of one forward pass of a square image, in 1e9; None for networks other than ResNets."""
    usual = FORWARD_GFLOP.get(backbone.arch)
    if usual is None:
        return None
    trunks = 1.0 if backbone.color == "rgb" else 2 * 0.5**2  # two of half the width
    stem = SMALL_STEM if backbone.stem == "small" else 1
    return usual * (size_px / USUAL_SIZE_PX) ** 2 * backbone.width**2 * trunks * stem


def training_gflop(run: Run) -> float | None:
    """Return the operations of training on one image, in 1e9, without heads, which are a few hundredths.

    A query costs a forward and a backward pass, a key a forward pass. BYOL has both views as either. SwAV's queries are two
    views and its small crops. Each extra loss of OAC takes one more query: the rotated view, and the whole image.
    """
    once = forward_gflop(run.backbone, run.views.size_px)
    if once is None or run.views.sample_unit == "box":
        return None  # how many boxes there are is not known before they are found
    return once * (_passes(run) + WITH_BACKWARD * sum(weight > 0 for weight in _extra(run)))


def _passes(run: Run) -> float:
    match run.method:
        case "moco_v2" | "densecl":
            return WITH_BACKWARD + 1
        case "byol":
            return 2 * (WITH_BACKWARD + 1)
        case "swav":
            small = run.views.small_crops
            share = 0.0 if small is None else small.count * (small.size_px / run.views.size_px) ** 2
            return WITH_BACKWARD * (2 + share)
        case "cmc":
            return WITH_BACKWARD * (2 if run.cmc.crops == "two" else 1)
        case "insdis":
            return WITH_BACKWARD * (2 if run.insdis.crops == "two" else 1)
        case "supervised":
            return WITH_BACKWARD
    return 0.0


def _extra(run: Run) -> tuple[float, float]:
    return run.losses.rotation, run.losses.localization
