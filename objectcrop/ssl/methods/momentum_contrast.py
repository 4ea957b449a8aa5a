"""What MoCo-v2 and DenseCL share: a key encoder behind the query encoder, shuffled keys, queues of negatives."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone, View
from objectcrop.networks.heads import build_projector
from objectcrop.runtime.distributed import World
from objectcrop.runtime.precision import widened
from objectcrop.runtime.transfer import send
from objectcrop.ssl.losses.contrastive import InfoNce, info_nce
from objectcrop.ssl.methods.method import Method, Outputs, Setup, ema_update
from objectcrop.ssl.methods.queue import Queue
from objectcrop.ssl.samples.order import key_permutation
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch
from objectcrop.views.plan import view_tag


class EncoderEmbeddings(NamedTuple):
    """What an encoder makes of images: unit vectors of its projector, float32, shape (N, D)."""

    embeddings: Tensor


class Encoder(nn.Module):
    """Trunk and projector: from uint8 images and their tags to a `View` and a named tuple, each part with a row an image."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        settings = setup.run.moco
        self.backbone = setup.build_trunk(settings.batch_norm_group)
        self.projector = build_projector(self.backbone.num_features, settings)

    def forward(self, images: Tensor, tags: Tensor) -> tuple[View, Any]:
        """The view, and its embeddings by the projector of its tags, of uint8 images."""
        view = self.backbone.view(images)
        return view, EncoderEmbeddings(self.embed(view.features, tags))

    def embed(self, features: Tensor, tags: Tensor) -> Tensor:
        """Unit vectors of pooled features, by the projector of their tags."""
        return F.normalize(widened(self.projector(features, tags)), dim=1)

    def read(self, map_: Tensor, features: Tensor, tags: Tensor) -> Any:
        """What `forward` makes of images, from their last map and its pooled features."""
        return EncoderEmbeddings(self.embed(features, tags))


class EncodedKeys(NamedTuple):
    """What the key encoder makes of a batch: its outputs, and features of its trunk where an extra loss reads them."""

    outputs: Any
    features: Tensor | None


class QueryNetwork(nn.Module):
    """All that is trained by gradients: the query encoder, and the heads of the extra losses."""

    def __init__(self, setup: Setup, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.extra = setup.build_extra_heads(self.backbone.num_features)

    @property
    def backbone(self) -> Backbone:
        """The query encoder's trunk."""
        return self.encoder.backbone

    def forward(self, batch: PairBatch, encoded: Tensor | None = None) -> Outputs:
        """What the encoder makes of the queries and, where their losses are on, logits of rotations and of cells.

        Args:
            batch: pairs.
            encoded: features of the keys by the key encoder, where the extra losses read these.
        """
        if self.extra.are_on and self.extra.losses.passes == "merged":
            return self._in_one_pass(batch, encoded)
        view, query = self.encoder(batch.query, batch.query_tags)
        return Outputs(query, self.extra(self.backbone, batch, view, encoded=encoded))

    def _in_one_pass(self, batch: PairBatch, encoded: Tensor | None) -> Outputs:
        """The same, with all images of the query's size in one pass of the trunk."""
        images = Backbone.normalised(batch.query)
        beside = self.extra.passes_beside(batch, images, encoded=encoded)
        together = {name: some for name, some in beside.images.items() if some.shape[2:] == images.shape[2:]}
        map_, *others = self.backbone.maps_at_once([images, *together.values()])
        view = View(images, map_.mean(dim=(2, 3)))
        features = {name: other.mean(dim=(2, 3)) for name, other in zip(together, others, strict=True)}
        apart = beside.images.keys() - together.keys()
        features |= {name: self.backbone.features_aside(beside.images[name]) for name in sorted(apart)}
        logits = self.extra.logits(batch, view, beside, features, encoded)
        return Outputs(self.encoder.read(map_, view.features, batch.query_tags), logits)


class MomentumContrast(Method):
    """Query network, and a key encoder that is its EMA (He et al. 2020, arXiv:1911.05722).

    Both encoders keep batch norm buffers of their own: the key encoder's come from its own forward passes.
    """

    shuffles_keys = True
    network: QueryNetwork
    queue: Queue

    def __init__(self, setup: Setup, encoder: Encoder) -> None:
        super().__init__(setup)
        self.network = QueryNetwork(setup, encoder)
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self._waiting: list[tuple[Queue, Tensor, Tensor]] = []
        self._encoded: EncodedKeys | None = None

    def fresh_queues(self, count: int) -> list[Queue]:
        """Make queues of random keys, whose tags cycle through those of the run's views."""
        settings, tags = self.run.moco, sorted({view_tag(region) for region in self.run.views.regions})
        return [
            Queue(settings.queue_length, settings.embedding_dims, first_tags=tags, seed=seed)
            for seed in self.seeds.torch_seeds("queue", count=count)
        ]

    def update_key_encoder(self) -> None:
        """Set each of its parameters to m times itself + (1 - m) times the query encoder's (equation 2)."""
        ema_update(self.key_encoder, self.network.encoder, self.run.moco.momentum)

    def before_network(self, batch: PairBatch, step: int) -> dict[str, Tensor]:
        """Encode the keys first where the extra losses read the key encoder's features of them."""
        self._encoded = None
        if self.run.losses.key_features == "trained":
            return {}
        self.update_key_encoder()
        self._encoded = self._encode(batch, step)
        assert self._encoded.features is not None
        return {"encoded": self._encoded.features}

    def encode_keys(self, batch: PairBatch, step: int) -> Any:
        """Make the EMA update and encode the keys of a batch among other images than their queries (see `encode_shuffled`).

        Returns:
            The encoder's outputs, float32, in the order of the batch.
        """
        if self._encoded is None:
            self.update_key_encoder()
            self._encoded = self._encode(batch, step)
        outputs, self._encoded = self._encoded.outputs, None
        return outputs

    def _encode(self, batch: PairBatch, step: int) -> EncodedKeys:
        reads_features = self.run.losses.key_features == "key_encoder"
        encoded: list[tuple[Any, list[Tensor]]] = []

        def encode(images: Tensor, tags: Tensor) -> Tensor:
            with self.autocast():
                view, outputs = self.key_encoder(images, tags)
            encoded.append((outputs, [*outputs, view.features] if reads_features else [*outputs]))
            # one row for each image, so that all of it comes back in order at once
            return torch.cat([widened(part).flatten(1) for part in encoded[0][1]], dim=1)

        permutation = key_permutation(self.seeds, step, len(batch.key) * self.world.size)
        rows = encode_shuffled(encode, batch, permutation, self.world)
        outputs, parts = encoded[0]
        shapes = [part.shape[1:] for part in parts]
        pieces = torch.split(rows, [shape.numel() for shape in shapes], dim=1)
        whole = [piece.reshape(-1, *shape) for piece, shape in zip(pieces, shapes, strict=True)]
        return EncodedKeys(outputs._make(whole[: len(outputs)]), whole[-1] if reads_features else None)

    def enqueue_later(self, queue: Queue, keys: Tensor, tags: Tensor) -> None:
        """Enqueue keys of this process, shape (n, D), and the tags of all, after the step: its backward pass reads the queue."""
        self._waiting.append((queue, self.world.gather(keys), tags))

    def after_step(self, step: int, total_steps: int) -> None:
        """Write the keys of the step over the oldest ones."""
        for queue, keys, tags in self._waiting:
            queue.enqueue(keys, tags)
        self._waiting.clear()

    def gather_tags(self, batch: PairBatch) -> Tensor:
        """Return the tags of the keys of all processes, on the device, for the queues."""
        return self.world.gather(send(batch.key_tags, self.world.device))

    def contrast(self, queries: Tensor, keys: Tensor, batch: PairBatch) -> InfoNce:
        """InfoNCE of queries, shape (N, D), against their keys, shape (N, D), and the queue as it is."""
        return info_nce(
            queries,
            keys,
            self.queue.keys,
            temperature=self.run.moco.temperature,
            query_tags=send(batch.query_tags, queries.device),
            key_tags=send(batch.key_tags, queries.device),
            queue_tags=self.queue.tags,
            same_tag_only=self.run.moco.negatives == "same_tag",
        )

    @classmethod
    def find_warnings(cls, run: Run, *, num_images: int, world_size: int) -> list[str]:
        """Warn of queues too long for the images, and of statistics that all images of one device share."""
        warnings = []
        length, each = run.moco.queue_length, run.optimizer.global_batch_size // world_size
        if length > num_images:
            warnings.append(
                f"queue_length {length} exceeds the {num_images} images: negatives include keys of the query's own"
                " image; a third of the images is safe"
            )
        elif length > num_images // 3:
            warnings.append(
                f"queue_length {length} exceeds a third of the {num_images} images: hard negatives grow few, small runs learn less"
            )
        group = run.moco.batch_norm_group
        if world_size == 1 and (group == 0 or each < 2 * group):
            warnings.append(
                f"all {each} images of the one device share batch statistics, through which keys leak to queries what to match"
                " (the loss falls, little is learnt): set moco.batch_norm_group to at most half of the batch, the default is 32"
            )
        return warnings


@torch.no_grad()
def encode_shuffled(
    encode: Callable[[Tensor, Tensor], Tensor], batch: PairBatch, permutation: Tensor, world: World
) -> Tensor:
    """Rows for the keys of a batch, encoded with the global batch in another order, returned in the order they came.

    Shuffled batch norm (He et al. 2020, section 3.3): the processes exchange the images, as the paper does, or each has
    loaded the key views of its part of the shuffled batch (`shuffle: loader`), and only rows cross the network.

    Args:
        encode: from images, shape (n, side, side, 3), and their tags to one row each.
        batch: this process's share. Where it holds rows `permutation[share]` of the global batch's keys (`shuffle: loader`),
            no image is exchanged.
        permutation: of the rows of the global batch, the same in every process, in the host's memory, shape (global batch,).
        world: the processes.
    """
    share = slice(world.rank * len(batch.key), (world.rank + 1) * len(batch.key))
    images, tags = batch.shuffled_key, batch.shuffled_key_tags
    if images is None or tags is None:
        mine = permutation[share]
        images, tags = world.gather(batch.key)[send(mine, world.device)], world.gather(batch.key_tags)[mine]
    rows = encode(images, tags)
    return world.gather(rows)[send(torch.argsort(permutation)[share], world.device)]
