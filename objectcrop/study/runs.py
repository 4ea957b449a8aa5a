"""Settings of runs: one way to get a backbone, by pretraining, supervision, from a file, or not at all."""

from typing import Literal

from pydantic import Field, model_validator

from objectcrop.study.section import Name, Section

Region = Literal["scene", "object", "dilated_object"]
Method = Literal["moco_v2", "byol", "densecl", "swav", "cmc", "supervised", "random_init", "external"]


class BackboneSettings(Section):
    """The trunk: a torchvision ResNet, thinner where asked."""

    arch: Literal["resnet18", "resnet50"] = Field(default="resnet50", description="Trunk.")
    width: float = Field(default=1.0, gt=0, le=2, description="Channels of every layer over the standard ones.")
    weights: str | None = Field(
        default=None,
        description="File of weights in torchvision names, relative to the data root; for method external.",
    )


class ViewSettings(Section):
    """Where the two views of an image come from and how they are rendered (paper, section 4.1; decision 0002)."""

    regions: tuple[Region, Region] = Field(
        default=("scene", "scene"),
        description="Regions of the two views; ['object', 'dilated_object'] is the paper's method.",
    )
    proposals: Name | None = Field(
        default=None, description="Proposal source of this study; needed for object regions."
    )
    max_proposals: int = Field(default=10, ge=1, description="One box is drawn uniformly among the first so many.")
    dilation: Literal["image_total", "image_per_side", "box_fraction", "coordinate_released"] = Field(
        default="image_total",
        description="What dilation_fraction is a share of: image side, in total (default); image side, on each side; box "
        "side, in total; or the corner coordinate as in the authors' release.",
    )
    dilation_fraction: float = Field(default=0.1, ge=0, le=1, description="delta; the paper: 0.1 or 0.2.")
    resize_first_px: int | None = Field(
        default=None, ge=16, description="Resize whole pictures to a square of this side before cropping (table 3)."
    )
    size_px: int = Field(default=224, ge=16, description="Side of the square view.")
    scene_scale_min: float = Field(
        default=0.2, gt=0, le=1, description="Smallest crop area over region area, scene and dilated views."
    )
    object_scale_min: float | Literal["auto"] = Field(
        default="auto",
        description="The same for object views; 'auto' is min(0.9, 0.2 / mean area share of the proposals).",
    )
    swap: bool = Field(default=True, description="Let either view be the query, with probability 0.5 per sample.")
    min_blur_sigma: float = Field(default=0.1, gt=0, description="Least sigma of the Gaussian blur, at 224 pixels.")
    max_blur_sigma: float = Field(default=2.0, gt=0, description="Greatest sigma of the Gaussian blur, at 224 pixels.")


class MocoSettings(Section):
    """MoCo-v2 (Chen et al. 2020, arXiv:2003.04297)."""

    queue_length: int = Field(default=65_536, ge=1, description="K: keys in the queue.")
    temperature: float = Field(default=0.2, gt=0, description="T of InfoNCE.")
    momentum: float = Field(default=0.999, ge=0, lt=1, description="m of the key encoder.")
    embedding_dims: int = Field(default=128, ge=2, description="Width of the embedding.")
    heads: Literal["shared", "per_view"] = Field(
        default="shared",
        description="One projector, or one for object views and one for scene and dilated views (paper, 4.1).",
    )
    negatives: Literal["mixed", "same_tag"] = Field(
        default="mixed",
        description="Keys that count as negatives: all of the queue, or those with the positive key's view tag.",
    )
    projector_batch_norm: bool = Field(
        default=False, description="Batch norm in the projector; small runs collapse without it (docs)."
    )
    batch_norm_group: int = Field(
        default=32,
        ge=0,
        description="Split batch norm: images that share statistics within a device; 0 is one group per device.",
    )


class LossSettings(Section):
    """Weights of the paper's extra losses (sections 4.2.1, 4.2.2); the paper adds both with weight 1."""

    rotation: float = Field(default=0.0, ge=0, description="Weight of the relative rotation loss; 0 turns it off.")
    localization: float = Field(default=0.0, ge=0, description="Weight of the localization loss; 0 turns it off.")
    patches: int = Field(default=7, ge=1, description="p: the image is divided in p x p cells for localization.")


class OptimizerSettings(Section):
    """SGD and its schedule."""

    epochs: int = Field(
        default=200, ge=0, description="Passes over the images; an epoch counts images for every method."
    )
    global_batch_size: int = Field(default=256, ge=2, description="Images per optimizer step over all devices.")
    learning_rate: float = Field(default=0.03, gt=0, description="Used as it is at the global batch size.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of SGD.")
    weight_decay: float = Field(
        default=1e-4, ge=0, description="On every parameter, biases and batch norm too, as MoCo does."
    )
    warmup_epochs: float = Field(default=0.0, ge=0, description="Linear warm-up from zero.")
    schedule: Literal["cosine_per_epoch", "cosine_per_step", "constant"] = Field(
        default="cosine_per_epoch", description="Decay of the learning rate."
    )
    name: Literal["sgd", "adamw", "lars"] = Field(default="sgd", description="Optimizer.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="bfloat16", description="Autocast of the networks; losses stay float32."
    )


class TrainingSettings(Section):
    """How training runs, whatever the method."""

    shuffle: Literal["all_gather", "loader"] = Field(
        default="all_gather",
        description="How several processes shuffle keys among each other: they exchange the pictures, or each loads the "
        "key views of the shuffled batch itself, so that no picture crosses the network. Results are equal.",
    )
    accumulation_steps: int = Field(
        default=1,
        ge=1,
        description="Batches whose gradients make one optimizer step: each process computes its share of the global batch "
        "in so many parts, with batch statistics of each part. Not for methods with a queue.",
    )
    compiled: bool = Field(
        default=False,
        description="torch.compile of the trunks: faster after minutes of compiling; needs a C++ compiler.",
    )
    monitor_every_epochs: int = Field(
        default=1, ge=0, description="Epochs between looks at the trunk's features on some pictures; 0 never looks."
    )
    monitor_images: int = Field(default=256, ge=2, description="Training pictures that the monitor looks at.")
    monitor_knn: bool = Field(
        default=False, description="Also log the accuracy of a kNN vote over these pictures; needs annotations."
    )


class ResourceSettings(Section):
    """What one job of the run asks for; not part of what the result depends on."""

    cpus: int = Field(default=16, ge=1, description="CPU cores.")
    gpus: int = Field(default=1, ge=0, description="GPUs; without any the run uses the CPU.")
    memory_mb: int = Field(default=32_000, ge=100, description="Memory.")
    hours: float = Field(default=72.0, gt=0, description="Wall-clock limit of one attempt; the next one resumes.")


class PretrainingResources(ResourceSettings):
    """The same of pretraining, and how it keeps its state."""

    save_every_minutes: int = Field(default=10, ge=1, description="Minutes between checkpoints of pretraining.")
    kept_states: int = Field(default=2, ge=1, description="Checkpoints of pretraining that stay, the latest ones.")
    peak_teraflops: int = Field(
        default=0,
        ge=0,
        description="What the device can do in the run's precision, in 1e12 floating-point operations per second (its data "
        "sheet's dense figure); the share used is logged as mfu. 0: unknown, left out.",
    )


class Run(Section):
    """One named run, `inherit` already resolved."""

    dataset: Name = Field(description="Data set whose training split is used.")
    method: Method = Field(default="moco_v2", description="How the backbone is got.")
    backbone: BackboneSettings = BackboneSettings()
    views: ViewSettings = ViewSettings()
    moco: MocoSettings = MocoSettings()
    losses: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings = TrainingSettings()
    resources: PretrainingResources = PretrainingResources()
    note: str = Field(default="", description="Shown under the table: for example which settings are our own choice.")

    @property
    def uses_objects(self) -> bool:
        """Whether any view or loss needs object boxes."""
        return any(region != "scene" for region in self.views.regions)

    @property
    def is_trained(self) -> bool:
        """Whether pretraining takes place at all."""
        return self.method not in ("random_init", "external")

    @model_validator(mode="after")
    def _fields_agree(self) -> "Run":
        problems = []
        if self.uses_objects and self.views.proposals is None:
            problems.append(f"views.regions {list(self.views.regions)} need views.proposals")
        if (self.losses.rotation or self.losses.localization) and "object" not in self.views.regions:
            problems.append("the rotation and localization losses need an 'object' view")
        if self.moco.heads == "per_view" and self.views.regions[0] == self.views.regions[1]:
            problems.append("moco.heads per_view needs two different view regions")
        if self.method == "external" and self.backbone.weights is None:
            problems.append("method external needs backbone.weights")
        if problems:
            raise ValueError("; ".join(problems))
        return self
