"""Settings of runs: one way to get a backbone, by pretraining, supervision, from a file, or not at all."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.backbones import BackboneSettings as BackboneSettings
from objectcrop.study.settings.losses import LossSettings as LossSettings
from objectcrop.study.settings.methods import (
    ByolSettings,
    CmcSettings,
    DenseclSettings,
    Heads,
    InsdisSettings,
    SwavSettings,
)
from objectcrop.study.settings.section import PRECISION_DESCRIPTION, DisagreementError, Name, Precision, Section
from objectcrop.study.settings.views import OBJECT_REGIONS, ViewSettings, views_of_method

Method = Literal["moco_v2", "byol", "densecl", "swav", "cmc", "insdis", "supervised", "random_init", "external"]


class MocoSettings(Section):
    """MoCo-v2 (Chen et al. 2020, arXiv:2003.04297); for method densecl too."""

    queue_length: int = Field(default=65_536, ge=1, description="K: keys in the queue.")
    temperature: float = Field(default=0.2, gt=0, description="T of InfoNCE.")
    momentum: float = Field(default=0.999, ge=0, lt=1, description="m of the key encoder.")
    embedding_dims: int = Field(default=128, ge=2, description="Width of the embedding.")
    projector_layers: Literal[1, 2] = Field(
        default=2, description="Linear layers of the projector: 2 of MoCo-v2, 1 of MoCo v1."
    )
    heads: Heads = Field(
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


class OptimizerSettings(Section):
    """The optimizer and its schedule."""

    epochs: int = Field(
        default=200,
        ge=0,
        description="Passes over the images; an epoch counts images for every method (boxes with views.sample_unit box).",
    )
    global_batch_size: int = Field(default=256, ge=2, description="Images per optimizer step over all devices.")
    learning_rate: float = Field(default=0.03, gt=0, description="Used as it is at the global batch size.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of SGD, LARS and LARC.")
    weight_decay: float = Field(
        default=1e-4,
        ge=0,
        description="On every parameter, biases and batch norm too, as MoCo does; LARS leaves these two out.",
    )
    warmup_epochs: float = Field(default=0.0, ge=0, description="Linear warm-up from warmup_learning_rate.")
    warmup_learning_rate: float = Field(default=0.0, ge=0, description="Where the warm-up starts.")
    schedule: Literal["cosine_per_epoch", "cosine_per_step", "step", "constant"] = Field(
        default="cosine_per_epoch", description="Decay of the learning rate; MoCo v1 and CMC fall in steps."
    )
    final_learning_rate: float = Field(default=0.0, ge=0, description="Where a cosine ends.")
    decay_epochs: tuple[int, ...] = Field(
        default=(120, 160), description="Schedule step: the rate is multiplied by decay_factor at each of these epochs."
    )
    decay_factor: float = Field(default=0.1, gt=0, le=1, description="Schedule step: what it is multiplied by.")
    name: Literal["sgd", "adamw", "lars", "larc"] = Field(
        default="sgd",
        description="Optimizer. lars is BYOL's: no decay and no scaling of biases and batch norm; larc is SwAV's: all scaled.",
    )
    trust_coefficient: float = Field(
        default=1e-3, gt=0, description="eta of LARS and LARC: length of a step over the length of its tensor."
    )
    precision: Precision = Field(default="auto", description=f"{PRECISION_DESCRIPTION} Losses stay float32.")


class TrainingSettings(Section):
    """How training runs, whatever the method."""

    shuffle: Literal["all_gather", "loader"] = Field(
        default="all_gather",
        description="How several processes shuffle keys among each other: they exchange the images, or each loads the "
        "key views of the shuffled batch itself, so that no image crosses the network. Results are equal.",
    )
    accumulation_steps: int = Field(
        default=1,
        ge=1,
        description="Batches whose gradients make one optimizer step: each process computes its share of the global batch "
        "in this many parts, with batch statistics of each part. Not for methods with a queue.",
    )
    compiled: bool = Field(
        default=False,
        description="torch.compile of the trunks on any device: faster after minutes of compiling; needs a C++ compiler. "
        "GPUs compile unasked (resources.compile_on).",
    )
    monitor_every_epochs: int = Field(
        default=1, ge=0, description="Epochs between measurements of the trunk's features on some images; 0 is never."
    )
    monitor_images: int = Field(default=256, ge=2, description="Training images that the monitor encodes.")
    monitor_knn: bool = Field(
        default=False, description="Also log the accuracy of a kNN vote over these images; needs annotations."
    )


class ResourceSettings(Section):
    """What one job of the run asks for; not part of what the result depends on."""

    cpus: int = Field(default=16, ge=1, description="CPU cores.")
    gpus: int = Field(default=1, ge=0, description="GPUs; without any the run uses the CPU.")
    memory_mb: int = Field(default=32_000, ge=100, description="Memory.")
    hours: float = Field(default=72.0, gt=0, description="Wall-clock limit of one attempt; the next one resumes.")

    @property
    def minutes(self) -> int:
        """The same limit in whole minutes."""
        return ceil(60 * self.hours)


class ResumableResources(ResourceSettings):
    """The same of a job that keeps its state, so that the next attempt resumes."""

    save_every_minutes: int = Field(default=10, ge=1, description="Minutes between two saved states.")


class PretrainingResources(ResumableResources):
    """The same of pretraining, over how many nodes, and how many states it keeps."""

    nodes: int = Field(
        default=1,
        ge=1,
        description="Nodes of a Slurm cluster. GPUs are those of all nodes and divide evenly; cpus and memory_mb are of each. "
        "Without GPUs, one process of each node trains.",
    )
    kept_states: int = Field(default=2, ge=1, description="Checkpoints of pretraining that stay, the latest ones.")
    peak_teraflops: int = Field(
        default=0,
        ge=0,
        description="What the device can do in the run's precision, in 1e12 floating-point operations per second (its data "
        "sheet's dense figure); the share used is logged as mfu. 0: unknown, left out.",
    )
    compile_on: Literal["gpu", "nothing"] = Field(
        default="gpu",
        description="Where trunks are compiled unasked: on GPUs they compute the same up to rounding, in less time after "
        "minutes of compiling.",
    )

    @property
    def num_processes(self) -> int:
        """Processes that train together: one for each GPU, or one for each node."""
        return max(self.gpus, self.nodes)


class Run(Section):
    """One named run, `inherit` already resolved."""

    dataset: Name | None = Field(
        default=None,
        description="Data set whose training split is used; not needed by methods random_init and external, which read none.",
    )
    method: Method = Field(default="moco_v2", description="How the backbone is got.")
    backbone: BackboneSettings = BackboneSettings()
    views: ViewSettings = ViewSettings()
    moco: MocoSettings = MocoSettings()
    byol: ByolSettings = ByolSettings()
    densecl: DenseclSettings = DenseclSettings()
    swav: SwavSettings = SwavSettings()
    cmc: CmcSettings = CmcSettings()
    insdis: InsdisSettings = InsdisSettings()
    losses: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings = TrainingSettings()
    resources: PretrainingResources = PretrainingResources()
    note: str = Field(default="", description="Shown under the table: for example which settings are our own choice.")

    @property
    def uses_objects(self) -> bool:
        """Whether any view or loss needs object boxes."""
        return any(region in OBJECT_REGIONS for region in self.views.regions)

    @property
    def is_trained(self) -> bool:
        """Whether pretraining takes place at all."""
        return self.method not in ("random_init", "external")

    @property
    def has_memory(self) -> bool:
        """Whether a step changes the negatives of the next (a queue, a bank): parts of a batch then do not add up."""
        return self.method in ("moco_v2", "densecl", "cmc", "insdis") or (
            self.method == "swav" and self.swav.queue_length > 0
        )

    @model_validator(mode="before")
    @classmethod
    def _takes_the_methods_views(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        views = data.get("views", {})
        own = views.model_dump(exclude_unset=True) if isinstance(views, ViewSettings) else views
        return {**data, "views": views_of_method(str(data.get("method")), own)} if isinstance(own, dict) else data

    @property
    def heads(self) -> Heads:
        """One projector or two: the setting of the run's method."""
        sections = self.byol, self.swav, self.cmc, self.insdis
        by_method = dict(zip(("byol", "swav", "cmc", "insdis"), (section.heads for section in sections), strict=True))
        return by_method.get(self.method, self.moco.heads)

    @model_validator(mode="before")
    @classmethod
    def _cmc_sees_two_colors(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("method") != "cmc":
            return data
        backbone = data.get("backbone", {})
        return {**data, "backbone": {"color": "ycbcr", **backbone}} if isinstance(backbone, Mapping) else data

    @model_validator(mode="after")
    def _fields_agree(self) -> "Run":
        misfits = self.losses.find_misfits(self.method)
        if problems := [*self._needs_of_method(), *self._misfits_of_views(), *misfits]:
            raise DisagreementError(*problems)
        return self

    def _needs_of_method(self) -> Iterator[tuple[str, str]]:
        if self.dataset is None and self.is_trained:
            yield "dataset", f"is missing; method {self.method} trains on images"
        if self.method == "cmc" and self.backbone.color == "rgb":
            yield "backbone.color", "method cmc needs ycbcr or lab: its two views are luminance and chrominance"
        if self.method == "external" and self.backbone.weights is None:
            yield "backbone.weights", "is missing; method external needs a file"

    def _misfits_of_views(self) -> Iterator[tuple[str, str]]:
        regions = list(self.views.regions)
        if self.uses_objects and self.views.proposals is None:
            yield "views.proposals", f"is missing; views.regions {regions} need it"
        section = "moco" if self.method == "densecl" else self.method.removesuffix("_v2")
        if self.heads == "per_view" and self.views.regions.count("object") != 1:
            yield f"{section}.heads", f"per_view needs two different views.regions, one of them 'object', got {regions}"
        if self.views.small_crops is not None and self.method != "swav":
            yield "views.small_crops", f"method {self.method} has no use for them, swav does; set it to null"
        if self.views.sample_unit == "box" and not self.uses_objects:
            yield "views.sample_unit", f"box: none of views.regions {regions} is made from a box; take image"
        if self.views.sample_unit == "box" and self.method in ("cmc", "insdis", "supervised"):
            yield "views.sample_unit", f"box: method {self.method} needs each image once in an epoch; take image"
