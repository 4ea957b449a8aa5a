"""Settings of object proposals: where the boxes of the object views come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from objectcrop.study.settings.backbones import FileTrunk as FileTrunk
from objectcrop.study.settings.section import PRECISION_DESCRIPTION, DisagreementError, Name, Precision, Section


class FeatureProposals(Section):
    """What all sources share that use a network's maps: which network."""

    features_run: Name | None = Field(
        default=None,
        description="Run of this study whose backbone gives the features: scene crops keep it label-free.",
    )
    features_seed: int = Field(default=0, ge=0, description="Seed of that run.")
    trunk: FileTrunk | None = Field(default=None, description="Instead of a run: a network with weights from a file.")
    precision: Precision = Field(default="auto", description=PRECISION_DESCRIPTION)
    gpus: int = Field(
        default=0,
        ge=0,
        le=1,
        description="GPUs of each job that runs the network, and of LOD's search for neighbours; last bits differ from a CPU's.",
    )

    @model_validator(mode="after")
    def _has_one_trunk(self) -> "FeatureProposals":
        if (self.features_run is None) == (self.trunk is None):
            text = "give features_run (a run of this study) or trunk (a network from a file), one of them"
            raise DisagreementError(("features_run", text))
        return self


class LodProposals(FeatureProposals):
    """LOD (Vo et al. 2021): saliency proposals of a trunk's maps, ranked over the whole collection."""

    kind: Literal["lod"]
    layers: tuple[str, str] = Field(
        default=("layer2", "layer3"),
        description="Trunk layers for the two saliency maps (stride 8 and 16), which end in a ReLU; the second gives the "
        "region features. VGG16: features.22, features.29; VGG16-BN: features.32, features.42; EfficientNet-Lite0: "
        "_blocks.4._swish, _blocks.10._swish.",
    )
    descriptor_layer: str = Field(
        default="layer4",
        description="Layer of the image descriptor, a map is averaged. VGG16: classifier.1 (fc6, at 224 pixels); VGG16-BN "
        "of OBoW: features.42; EfficientNet-Lite0: _avg_pooling.",
    )
    long_side_px: int = Field(
        default=512, ge=64, description="Images are reduced to this long side before the trunk; never enlarged."
    )
    descriptor_size_px: int = Field(
        default=224, ge=32, description="Side of the square image for the image descriptor."
    )
    saliency_rule: Literal["base", "wide_margin"] = Field(
        default="wide_margin",
        description="Peak map rule: 'base' (alpha .3, VGG16) or 'wide_margin' (alpha .5, self-supervised trunks).",
    )
    centring: Literal["image", "none"] = Field(
        default="none",
        description="`image` takes the image's mean from its maps first, and keeps what is above it and what is below as "
        "channels of their own: salient is then what is unlike the rest. Own addition; 'none', as published, takes high "
        "activations for salient, which they need not be in a network trained without labels (docs/proposals.md).",
    )
    max_peaks: int = Field(default=20, ge=1, description="Saliency peaks per map.")
    num_levels: int = Field(default=50, ge=1, description="Thresholds per local saliency map.")
    max_regions: int = Field(
        default=2000, ge=2, description="Cap on region proposals per image; the whole image is always kept."
    )
    region_grid: int = Field(default=7, ge=1, description="RoI pooling grid side.")
    projection_dims: int | None = Field(
        default=None,
        ge=8,
        description="Random projection of region features to this many dimensions; null keeps them whole (exact).",
    )
    num_neighbours: int = Field(default=100, ge=1, description="Nearest images that each image is scored with.")
    max_scores_per_pair: int = Field(
        default=1000, ge=1, description="Largest entries kept of each image pair's score block."
    )
    score_precision: Literal["float32", "float16"] = Field(
        default="float32",
        description="How kept scores are stored; float16 takes 6 bytes an entry instead of 8, over a scale of each pair, and is "
        "off by at most 2^-11 of a value.",
    )
    max_iterations: int = Field(default=100, ge=1, description="Cap on power iterations (part of the method).")
    restart_weight: float = Field(
        default=1e-4, gt=0, lt=1, description="beta: restart weight of the personalised PageRank."
    )
    uniform_weight: float = Field(default=1e-4, gt=0, lt=1, description="gamma: weight of the uniform term.")
    seed_image_share: float = Field(
        default=0.1, gt=0, le=1, description="alpha: share of images whose best region seeds the walk."
    )
    max_boxes: int = Field(default=10, ge=1, le=100, description="Boxes returned per image (the paper: up to 10).")
    max_overlap: float = Field(
        default=0.3, ge=0, le=1, description="IoU above which a box is a duplicate of one already chosen."
    )
    quirks: Literal["none", "reference"] = Field(
        default="none",
        description="'reference' reproduces slips of the released code in the proposals, for comparison (decision 0003).",
    )
    num_shards: int = Field(default=1, ge=1, description="Jobs that features and pair scores are split into.")
    num_score_shards: int | None = Field(
        default=None,
        ge=1,
        description="Jobs that pair scores are split into, if they are to be others than num_shards.",
    )
    ranking_processes: int = Field(
        default=1,
        ge=1,
        description="Processes, of one core each, that share the ranking; the result does not depend on it.",
    )

    ranking_memory_mb: int | None = Field(
        default=None,
        ge=100,
        description="Memory of the ranking, of all its processes. By default what images of max_regions regions each take at "
        "most (docs/cluster.md).",
    )

    @property
    def score_shards(self) -> int:
        """Jobs that pair scores are split into."""
        return self.num_score_shards or self.num_shards


class GroundTruthProposals(Section):
    """The annotated boxes themselves: an upper line, not label-free."""

    kind: Literal["gt"]
    max_boxes: int = Field(
        default=10, ge=1, le=100, description="Boxes per image; drawn without replacement where there are more."
    )
    drop_group_of: bool = Field(default=True, description="Leave group-of and crowd boxes out.")


class GridProposals(Section):
    """A fixed grid of boxes: a baseline without information."""

    kind: Literal["grid"]
    rows: int = Field(default=3, ge=1, description="Grid rows.")
    columns: int = Field(default=3, ge=1, description="Grid columns.")


class RandomProposals(Section):
    """Boxes of random place with the sizes of another source: they change the crop scale as that source does."""

    kind: Literal["random"]
    sizes_of: Name = Field(description="Proposal source whose box sizes are copied image by image.")


class CentreProposals(Section):
    """One centred box per image: a baseline."""

    kind: Literal["centre"]
    area_share: float = Field(
        default=0.39, gt=0, le=1, description="Box area over image area (the paper: 0.39 on COCO)."
    )


class DegreeProposals(Section):
    """LOD's regions ranked by their row sums of W, from the features and scores of a LOD source: an almost free baseline."""

    kind: Literal["degree"]
    of: Name = Field(description="LOD source whose regions and scores are used; so are max_boxes and max_overlap.")


class ExternalProposals(Section):
    """Boxes that somebody else made, from a file."""

    kind: Literal["external"]
    file: str = Field(
        description="Relative to the data root: Parquet with the columns of PROPOSALS (pixels), or COCO JSON: a list of "
        "results, or an object with images and annotations."
    )
    max_boxes: int = Field(default=10, ge=1, le=100, description="Best boxes that are kept of each image.")
    features: str = Field(
        default="boxes from a file, of unknown origin",
        description="In words, what the boxes were made from; shown in the report.",
    )


class SearchedProposals(Section):
    """What all sources share that search each image by itself; the best boxes are kept by plain suppression."""

    max_boxes: int = Field(default=10, ge=1, le=100, description="Boxes returned per image.")
    max_overlap: float = Field(
        default=0.3, ge=0, le=1, description="IoU from which a box is a duplicate of one already chosen."
    )
    long_side_px: int = Field(
        default=512, ge=32, description="Images are reduced to this long side before the search; never enlarged."
    )
    num_shards: int = Field(default=1, ge=1, description="Jobs that the images are split into.")


class EdgeBoxesProposals(SearchedProposals):
    """EdgeBoxes (Zitnick and Dollar 2014), by OpenCV's contrib build."""

    kind: Literal["edge_boxes"]
    edges: Literal["structured_forest", "gradient"] = Field(
        default="structured_forest",
        description="Where edges come from: 'structured_forest', as published, needs model; 'gradient' is the image's gradient, "
        "thinned: own choice, needs no file and no training, and takes texture for contours.",
    )
    model: str | None = Field(
        default=None,
        description="Structured forest of OpenCV, model.yml.gz, relative to the data root; it is in the repository "
        "opencv/opencv_extra under testdata/cv/ximgproc.",
    )
    max_candidates: int = Field(default=1000, ge=1, description="Boxes that EdgeBoxes returns before suppression.")

    @model_validator(mode="after")
    def _has_its_edges(self) -> "EdgeBoxesProposals":
        if (self.edges == "structured_forest") != (self.model is not None):
            text = "edges 'structured_forest' need the file and 'gradient' has none; give model (model.yml.gz of opencv_extra)"
            raise DisagreementError(("model", f"{text} or edges: gradient, one of them"))
        return self


class BingProposals(SearchedProposals):
    """BING (Cheng et al. 2014), by OpenCV's contrib build."""

    kind: Literal["bing"]
    model_folder: str = Field(
        description="Folder with the nine ObjNessB2W8*.yml.gz, relative to the data root; they are in the repository "
        "opencv/opencv_contrib under modules/saliency/samples/ObjectnessTrainedModel."
    )


class SelectiveSearchProposals(SearchedProposals):
    """Selective search (Uijlings et al. 2013), by OpenCV's contrib build."""

    kind: Literal["selective_search"]
    mode: Literal["fast", "quality"] = Field(
        default="fast", description="OpenCV's sets of segmentations and similarities."
    )


class MaskCutProposals(FeatureProposals, SearchedProposals):
    """MaskCut (Wang et al. 2023, CutLER): repeated normalised cuts of a network's map, without the CRF that refines masks."""

    kind: Literal["maskcut"]
    layer: str = Field(
        default="layer3", description="Layer whose cells are cut; the cost grows with their number squared."
    )
    num_cuts: int = Field(default=3, ge=1, description="N: objects searched in each image, one after another.")
    min_cosine: float = Field(
        default=0.15,
        gt=-1,
        lt=1,
        description="tau: cells with at least this cosine are joined with weight 1, others 1e-5.",
    )
    centring: Literal["image", "none"] = Field(
        default="image",
        description="`image` takes the image's mean from its features first: after a ReLU all cosines are high; 'none' for "
        "features of both signs, as in the paper.",
    )


Searched = EdgeBoxesProposals | BingProposals | SelectiveSearchProposals
ProposalSource = Annotated[
    LodProposals
    | DegreeProposals
    | Searched
    | MaskCutProposals
    | ExternalProposals
    | GroundTruthProposals
    | GridProposals
    | RandomProposals
    | CentreProposals,
    Field(discriminator="kind"),
]
