"""Settings of what planned runs cost: what a GPU is assumed to do, and how many images there are."""

from typing import Annotated

from pydantic import Field

from objectcrop.study.settings.section import Name, Section, Split


class AssumedGpu(Section):
    """What one GPU does where nothing was measured. The defaults are published rates of a V100 in float32."""

    name: str = Field(default="V100, float32", description="Which one, shown beside the hours.")
    teraflops: float = Field(
        default=5.46,
        gt=0,
        description="What it reaches in pretraining and linear evaluation, in 1e12 floating-point operations per second (a "
        "multiplication and an addition are two).",
    )
    detector_images_per_s: float = Field(
        default=3.63,
        gt=0,
        description="Training images of a Faster R-CNN C4 on a ResNet-50, short sides of 640 to 800.",
    )
    segmenter_images_per_s: float = Field(
        default=7.66, gt=0, description="Training images of a Mask R-CNN FPN on a ResNet-50, short sides of 640 to 800."
    )
    source: str = Field(
        default="MoCo-v2 of 200 epochs on ImageNet in 53 hours on 8 V100 (README of facebookresearch/moco), which is 168 images "
        "of 32.5 GFLOP a second and GPU; 0.551 and 0.261 s for 16 images on 8 V100 (detectron2's MODEL_ZOO, R50-C4 and R50-FPN 1x)",
        description="Where these figures are from, shown beside the hours.",
    )


class CostSettings(Section):
    """What planned runs cost; no result depends on it."""

    gpu: AssumedGpu = Field(default=AssumedGpu(), description="What one does where nothing was measured.")
    images: dict[Name, dict[Split, Annotated[int, Field(ge=0)]]] = Field(
        default={}, description="Images of the splits of data sets, by name; of drawn ones they are known."
    )
