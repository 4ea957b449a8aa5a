"""Settings of the methods beside MoCo-v2; the defaults are their authors' recipes."""

from typing import Literal

from pydantic import Field

from objectcrop.study.settings.section import Section

Heads = Literal["shared", "per_view"]
BankLoss = Literal["softmax", "nce"]
_HEADS = "One projector, or one for object views and one for scene and dilated views (paper, 4.1)."
_NEGATIVES = (
    "Rows of the memory bank that count as negatives, drawn at each step for the whole batch (own choice; the authors "
    "draw them for each image)."
)


class ByolSettings(Section):
    """BYOL (Grill et al. 2020, arXiv:2006.07733)."""

    target_momentum: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="tau at the start; a cosine takes it to 1. BYOL: 0.97 for 40 epochs, 0.99 for 100 and 300, 0.996 for 1000.",
    )
    target_start: Literal["independent", "copy"] = Field(
        default="independent",
        description="First weights of the target network: drawn independently, or the online network's.",
    )
    hidden_dims: int = Field(default=4096, ge=2, description="Hidden width of projector and predictor.")
    embedding_dims: int = Field(default=256, ge=2, description="Width of projections and predictions.")
    heads: Heads = Field(default="shared", description=f"{_HEADS} The predictor is one in either case.")


class DenseclSettings(Section):
    """DenseCL (Wang et al. 2021, arXiv:2011.09157): MoCo-v2 and a dense branch. Section `moco` holds for both branches."""

    dense_weight: float = Field(
        default=0.5, ge=0, le=1, description="lambda: share of the dense loss; the rest is the global loss's."
    )
    dense_from_step: int = Field(
        default=0, ge=0, description="Step from which the dense loss counts; before it, the loss is the global one."
    )


class SwavSettings(Section):
    """SwAV (Caron et al. 2020, arXiv:2006.09882)."""

    num_prototypes: int = Field(default=3000, ge=2, description="K.")
    temperature: float = Field(default=0.1, gt=0, description="T of the predictions; codes are made without one.")
    epsilon: float = Field(
        default=0.05, ge=0.02, description="Smoothness of the codes; 0.03 is a remedy when the loss sticks at log K."
    )
    sinkhorn_iterations: int = Field(default=3, ge=1, description="Of the Sinkhorn-Knopp scaling.")
    hidden_dims: int = Field(default=2048, ge=2, description="Hidden width of the projector.")
    embedding_dims: int = Field(default=128, ge=2, description="Width of the embedding.")
    frozen_prototype_steps: int = Field(
        default=313,
        ge=0,
        description="Steps that leave the prototypes as they are: 313 at batch 4096, 5005 at batch 256.",
    )
    queue_length: int = Field(
        default=0,
        ge=0,
        description="Earlier embeddings of each view that codes are made with: 3840 at batch 256, else 0.",
    )
    queue_from_epoch: int = Field(default=15, ge=0, description="Epoch from which the queue is used, once it is full.")
    heads: Heads = Field(default="shared", description=f"{_HEADS} Small crops are scene views.")


class BankSettings(Section):
    """What methods share that hold images against rows of a memory bank."""

    loss: BankLoss = Field(description="softmax: cross-entropy. nce: noise-contrastive estimation.")
    embedding_dims: int = Field(default=128, ge=2, description="Width of the embeddings.")
    temperature: float = Field(default=0.07, gt=0, description="T.")
    num_negatives: int = Field(ge=1, description=_NEGATIVES)
    bank_momentum: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Share of a row of the memory bank that stays when its image is trained on.",
    )
    head_batch_norm: bool = Field(
        default=False,
        description="Batch norm after the linear head. Own choice, for small runs: the embeddings of a young network share a "
        "large part that moves, so that fresh rows resemble any query more than its own older row does.",
    )
    heads: Heads = Field(default="shared", description=_HEADS)


class CmcSettings(BankSettings):
    """CMC (Tian et al. 2020, arXiv:1906.05849): luminance against chrominance. The paper names no recipe: own choice."""

    loss: BankLoss = Field(
        default="softmax",
        description="softmax: cross-entropy (own choice). nce: noise-contrastive estimation, as CMC was first trained, with Z "
        "estimated from the first batch.",
    )
    num_negatives: int = Field(default=16_384, ge=1, description=_NEGATIVES)
    crops: Literal["one", "two"] = Field(
        default="one",
        description="Luminance and chrominance of one crop, the query, as CMC does; or of the query and of the key (own choice).",
    )


class InsdisSettings(BankSettings):
    """InsDis (Wu et al. 2018, arXiv:1805.01978). Width, T, number of negatives and loss are the paper's."""

    loss: BankLoss = Field(
        default="nce",
        description="nce: noise-contrastive estimation, with Z estimated from the first batch. softmax: cross-entropy.",
    )
    num_negatives: int = Field(default=4096, ge=1, description=_NEGATIVES)
    bank_momentum: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Share of a row of the memory bank that stays when its image is trained on; 0.5 is CMC's (own choice), the "
        "paper has 0, and proximal_weight.",
    )
    proximal_weight: float = Field(
        default=0.0,
        ge=0,
        description="lambda of the paper's proximal term: weight of the squared distance from an image's row; beside "
        "bank_momentum, which slows rows too, it is off (own choice).",
    )
    crops: Literal["one", "two"] = Field(
        default="one",
        description="Views that are held against the image's row: the query, as InsDis does; or query and key (own choice).",
    )
