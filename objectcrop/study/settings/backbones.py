"""Settings of trunks."""

from typing import Literal

from pydantic import Field

from objectcrop.study.settings.section import Section

DETECTOR_TRUNKS = ("resnet18", "resnet50")


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
        description="File of weights in torchvision names, relative to the data root; for method external.",
    )

    @property
    def fits_detectors(self) -> bool:
        """Whether Detectron2 has this trunk."""
        return self.arch in DETECTOR_TRUNKS and self.color == "rgb" and self.stem == "imagenet"

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for that only our ResNets have."""
        return self.width == 1 and self.color == "rgb" and self.stem == "imagenet"
