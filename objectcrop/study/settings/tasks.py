"""Settings of tasks: how a backbone is judged."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.protocols import Protocol, with_protocol
from objectcrop.study.settings.runs import ResumableResources
from objectcrop.study.settings.section import PRECISION_DESCRIPTION, Name, Precision, Section, younger

Samples = Literal["image", "object"]


class KnnSettings(Section):
    """The vote of the nearest training images (Wu et al. 2018, arXiv:1805.01978)."""

    num_neighbours: int = Field(default=200, ge=1, description="k: training images that vote.")
    temperature: float = Field(
        default=0.07, gt=0, description="T: a neighbour of cosine similarity s weighs exp(s / T)."
    )


class LinearTask(Section):
    """A probe of the frozen backbone: a linear layer (paper, sections 3 and 5; decision 0005), or another one."""

    kind: Literal["linear"]
    dataset: Name = Field(description="Data set with labels; training split for the layer, test split for the metric.")
    labels: Literal["multi", "single"] = Field(
        default="multi", description="Several labels per image (mAP) or one (top-1)."
    )
    probe: Literal["linear", "mlp", "knn"] = Field(
        default="linear",
        description="A linear layer, one with a hidden layer before it, or the vote of the nearest training images.",
    )
    hidden_dims: int = Field(default=2048, ge=1, description="Probe mlp: units of the hidden layer.")
    knn: KnnSettings = Field(default=KnnSettings(), description="Probe knn: who votes.")
    samples: Samples = Field(
        default="image",
        description="What is classified: whole images, or each annotated object, cropped out of its image (labels: single).",
    )
    protocol: Protocol = Field(
        default="moco",
        description="Whose settings are taken where none are given here (docs/linear.md): epochs, batch_size, learning_rates, "
        "nesterov, weight_decay, schedule, decay_epochs, decay_factor, interpolation.",
    )
    size_px: int = Field(default=224, ge=16, description="Side of the square image.")
    crop_scale_min: float = Field(
        default=0.08, gt=0, le=1, description="Least area of a training crop over that of the image."
    )
    interpolation: Literal["area", "bicubic"] = Field(
        default="area",
        description="How crops are resized: averaged where they shrink and linear where they grow, or bicubic.",
    )
    resize_px: int = Field(default=256, ge=16, description="Short side before the centre crop of test images.")
    epochs: int = Field(default=100, ge=1, description="Passes over the training images.")
    batch_size: int = Field(default=256, ge=1, description="Images per step.")
    learning_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(30.0,),
        min_length=1,
        description="At that batch size. One, or several of which the held-out share of the training split chooses.",
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of SGD.")
    nesterov: bool = Field(default=False, description="Nesterov's momentum.")
    weight_decay: float = Field(default=0.0, ge=0, description="On weights and biases of the layer.")
    schedule: Literal["step", "cosine_per_epoch", "cosine_per_step", "constant"] = Field(
        default="step", description="How the learning rate falls."
    )
    decay_epochs: tuple[int, ...] = Field(
        default=(60, 80),
        description="Schedule step: the rate is multiplied by decay_factor after each of these epochs.",
    )
    decay_factor: float = Field(default=0.1, gt=0, le=1, description="Schedule step: what it is multiplied by.")
    held_out_share: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the training split that chooses the learning rate."
    )
    cached_views: int | None = Field(
        default=None,
        ge=1,
        description="Fixed training views per image, features computed once (an approximation); null draws new ones each epoch.",
    )
    precision: Precision | Literal["as_trained"] = Field(
        default="auto",
        description=f"{PRECISION_DESCRIPTION} as_trained: what the run was trained in, float32 for one that was not trained here. "
        "The layer is trained in float32.",
    )
    resources: ResumableResources = ResumableResources(gpus=1, hours=24)

    @model_validator(mode="before")
    @classmethod
    def _takes_its_protocol(cls, data: Any) -> Any:
        return with_protocol(data) if isinstance(data, Mapping) else data

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numbers that a result holds."""
        single = ("top1", "top5") if self.labels == "single" else ()
        by_size = ("map_small", "map_medium", "map_large")
        rate = () if self.probe == "knn" else ("learning_rate",)
        return ("map", "micro_ap", *by_size, "map_batched_256", "map_batched_32", *single, *rate)


class DetectionSchedule(Section):
    """Length and size of a Detectron2 fine-tuning."""

    max_iterations: int = Field(default=24_000, ge=1, description="Optimizer steps.")
    decay_iterations: tuple[int, ...] = Field(
        default=(18_000, 22_000), description="Steps after which the learning rate falls tenfold."
    )
    warmup_iterations: int = Field(default=100, ge=0, description="Linear warm-up.")
    images_per_batch: int = Field(default=16, ge=1, description="Images per step over all devices.")
    learning_rate: float = Field(default=0.02, gt=0, description="At images_per_batch, or at learning_rate_images.")
    learning_rate_images: int | None = Field(
        default=None,
        ge=1,
        description="Images per step that the learning rate is meant for: it is scaled linearly from there to images_per_batch "
        "(Goyal et al. 2017), and printed; null scales nothing.",
    )
    loader_workers: int | None = Field(
        default=None,
        ge=0,
        description="Processes that load images; random choices depend on it. null: 4 for more than 4 cores, else none.",
    )
    train_short_sides_px: tuple[Annotated[int, Field(ge=32)], ...] = Field(
        min_length=1,
        default=(480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800),
        description="Short sides drawn from in training.",
    )
    test_short_side_px: int = Field(default=800, ge=32, description="Short side of test images.")
    max_long_side_px: int = Field(default=1333, ge=32, description="Longest long side, training and test.")
    precise_batch_norm_iterations: int = Field(
        default=200, ge=0, description="Batches for precise batch norm at the end; 0 turns it off."
    )
    regions_per_image: int = Field(
        default=512, ge=4, description="Regions of a training image that the heads see; they cost most on a CPU."
    )
    test_regions_per_image: int = Field(
        default=1000, ge=1, description="Best proposals of a test image that the heads see."
    )
    max_test_images: int | None = Field(
        default=None, ge=1, description="Test images measured, the first in the order of the set; null measures all."
    )
    norm: Literal["BN", "SyncBN", "FrozenBN"] = Field(
        default="SyncBN",
        description="Normalisation of backbone, FPN and heads; FrozenBN keeps the run's in the backbone and is the identity in "
        "FPN and heads.",
    )
    precision: Precision = Field(
        default="auto", description=f"{PRECISION_DESCRIPTION} Losses and boxes stay float32; training and test alike."
    )

    @property
    def scaled_learning_rate(self) -> float:
        """The learning rate at images_per_batch."""
        return self.learning_rate * self.images_per_batch / (self.learning_rate_images or self.images_per_batch)


BOX_METRICS = ("AP", "AP50", "AP75")
SIZE_METRICS = ("APs", "APm", "APl")
"""COCO's average precision of objects below 32² px, up to 96² px, and above."""
REPEATS = (
    "Fine-tunings of the same backbone, with other seeds: the result is their mean, with the deviation of each metric."
)
KEEP = "Keep the fine-tuned detector, weights and Detectron2's config, in the folder of its state."
VocMetric = Literal["11_points", "area"]
CocoMetricFrom = Literal["pycocotools", "faster-coco-eval"]


class DetectorTask(Section):
    """Faster R-CNN C4 on a VOC devkit (MoCo's recipe, spec of ssl recipes 1.3)."""

    kind: Literal["detector"]
    dataset: Name = Field(description="A data set with source voc (or drawn: its VOC devkit).")
    voc_metric: VocMetric = Field(
        default="11_points",
        description="Average precision of a class: the mean precision at 11 recalls (VOC 2007, the protocol of MoCo and "
        "Detectron2 on that test set), or the area under the curve (VOC 2010 and later).",
    )
    repeats: int = Field(default=1, ge=1, le=100, description=f"{REPEATS} MoCo averages 5 on VOC.")
    keep_detector: bool = Field(default=False, description=KEEP)
    schedule: DetectionSchedule = DetectionSchedule()
    resources: ResumableResources = ResumableResources(gpus=8, hours=24)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numbers that a result holds."""
        return BOX_METRICS


class SegmenterTask(Section):
    """Mask R-CNN on COCO layout: FPN (DenseCL's recipe), or C4 (MoCo's)."""

    kind: Literal["segmenter"]
    dataset: Name = Field(description="A data set with source coco (or drawn: its COCO layout).")
    head: Literal["4conv1fc", "2fc", "c4"] = Field(
        default="4conv1fc",
        description="FPN with DenseCL's box head, or with the model zoo's; or C4: res5 with an extra norm as head (MoCo's COCO).",
    )
    evaluator: CocoMetricFrom = Field(
        default="pycocotools",
        exclude_if=younger("pycocotools"),
        description="What computes AP: the reference, or the same numbers in a fraction of the time (extra 'faster-coco-eval').",
    )
    repeats: int = Field(default=1, ge=1, le=100, description=REPEATS)
    keep_detector: bool = Field(default=False, description=KEEP)
    schedule: DetectionSchedule = DetectionSchedule(
        max_iterations=90_000,
        decay_iterations=(60_000, 80_000),
        warmup_iterations=1000,
        train_short_sides_px=(640, 672, 704, 736, 768, 800),
    )
    resources: ResumableResources = ResumableResources(gpus=8, hours=48)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numbers that a result holds."""
        return tuple(prefix + name for prefix in ("", "mask_") for name in BOX_METRICS + SIZE_METRICS)


class SemanticSegmenterTask(Section):
    """DeepLabv3 on class maps: torchvision's head on the dilated ResNet, trained end to end.

    The paper cites DeepLabv3 for ADE20K and gives no recipe: every number here is our own choice, that of the usual 512 px recipe.
    """

    kind: Literal["semantic_segmenter"]
    dataset: Name = Field(description="A data set with source ade20k or voc (or drawn: its VOC devkit).")
    size_px: int = Field(
        default=512, ge=32, description="Side of a training crop, and short side of a test image. Own choice."
    )
    scales: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        default=(0.5, 2.0),
        description="Smallest and largest short side of a training image over size_px, before the crop. Own choice.",
    )
    atrous_rates: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        default=(12, 24, 36),
        description="Dilations of the head, in pixels of a map of stride 8; DeepLabv3's for that stride.",
    )
    max_iterations: int = Field(default=80_000, ge=1, description="Optimizer steps. Own choice.")
    images_per_batch: int = Field(
        default=16, ge=2, description="Images per step; batch norm of trunk and head is over all of them. Own choice."
    )
    learning_rate: float = Field(
        default=0.01, gt=0, description="At the start; it falls to 0 as a polynomial of power 0.9. Own choice."
    )
    weight_decay: float = Field(default=5e-4, ge=0, description="Of all weights. Own choice.")
    precision: Precision = Field(default="auto", description=f"{PRECISION_DESCRIPTION} The loss stays float32.")
    resources: ResumableResources = ResumableResources(gpus=1, hours=24)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numbers that a result holds."""
        return ("mIoU", "pixel_accuracy")


Task = Annotated[LinearTask | DetectorTask | SegmenterTask | SemanticSegmenterTask, Field(discriminator="kind")]
