"""From rows of tables to samples: plan the views of an image, decode it, render them. Pixels stay uint8."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from objectcrop.boxes import Boxes, Size
from objectcrop.data.decoders import describe_decoder, resolve_decoder
from objectcrop.data.flat import BoxLists, Sizes
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import (
    DRAWN,
    ImageList,
    Key,
    LoadedShare,
    UsableRanks,
    list_sources,
    read_for,
    stack_images,
)
from objectcrop.study.settings.runs import Run
from objectcrop.views.batched_render import pack
from objectcrop.views.batches import KeyViews, PairBatch, UntransformedBatch
from objectcrop.views.localization import occupancy
from objectcrop.views.plan import OBJECT_TAG, ViewPlan, drawn_crop, plan_pair, plan_small_crops, plan_whole
from objectcrop.views.render import ImageArray, Part, cut_out, render


class PairPlan(NamedTuple):
    """What is decided for one sample of contrastive training."""

    query: ViewPlan
    key: ViewPlan
    whole: ViewPlan | None  # the view of the whole image, for the localization loss
    rotation: int  # rotation of the object view (0-3 quarter turns), for its loss
    small: tuple[ViewPlan, ...] = ()  # SwAV's small crops


class PairSamples(Dataset[PairBatch | UntransformedBatch]):
    """Pairs of views; equal (epoch, number) give equal pixels in any process."""

    def __init__(
        self,
        images: ImageList,
        boxes: Sequence[Boxes],
        run: Run,
        object_scale_min: float,
        seeds: Seeds,
    ) -> None:
        self.images, self.boxes, self.run, self.object_scale_min = images, BoxLists.of(boxes), run, object_scale_min
        self.seeds = seeds
        self.usable = UsableRanks(self.boxes, Sizes.of(images.sizes), run.views.max_proposals)
        self.sources = list_sources(run, self.usable)
        self.decoder = resolve_decoder(run.views.decoder)

    def __len__(self) -> int:
        return len(self.sources)

    def plan(self, key: Key) -> PairPlan:
        """Decide the sample."""
        epoch, number = key
        row, rank = self.sources[number].tolist()
        chosen = () if rank == DRAWN else (rank,)
        rng = self.seeds.generator("views", epoch, self.images.ids[row], *chosen)
        size, views = self.images.sizes[row], self.run.views
        proposal_rank = None if rank == DRAWN else rank
        boxes, usable = self.boxes[row], self.usable[row]
        query, positive = plan_pair(boxes, size, views, self.object_scale_min, rng, rank=proposal_rank, usable=usable)
        small = plan_small_crops(size, self.run.views, rng)
        whole = plan_whole(size, self.run.views, rng) if self.run.losses.localization else None
        rotation = int(rng.integers(4)) if self.run.losses.rotation else 0
        return PairPlan(query, positive, whole, rotation, small)

    def describe(self) -> dict[str, Any]:
        """Describe the samples for the summary; images without a usable proposal give scene pairs."""
        return {
            "decoder": describe_decoder(self.decoder),
            "renderer": self.run.views.renderer,
            "images": len(self.images),
            "images_without_proposals": self.usable.num_without if self.run.uses_objects else 0,
            "samples_per_epoch": len(self),
        }

    def __getitems__(self, keys: list[Key]) -> PairBatch | UntransformedBatch:
        """Make a batch."""
        plans, rows = [self.plan(key) for key in keys], self.rows_of(keys)
        rendered = [self._render(row, plan) for row, plan in zip(rows, plans, strict=True)]
        has_whole, has_small = bool(self.run.losses.localization), self.run.views.small_crops is not None
        pair = PairBatch(
            query=stack_images([image.query for image in rendered]),
            key=stack_images([image.key for image in rendered]),
            query_tags=torch.tensor([plan.query.tag for plan in plans]),
            key_tags=torch.tensor([plan.key.tag for plan in plans]),
            rotation=torch.tensor([plan.rotation for plan in plans]),
            whole=stack_images([image.whole for image in rendered if image.whole is not None]) if has_whole else None,
            cells=stack_images([self._cells(row, p) for row, p in zip(rows, plans, strict=True)])
            if has_whole
            else None,
            rows=torch.tensor(rows),
            small=stack_images([np.stack(image.small) for image in rendered]) if has_small else None,
            rejected=torch.tensor([image.is_rejected for image in rendered]),
        )
        return self._untransformed(pair, plans) if self.run.views.renderer == "batched" else pair

    def _untransformed(self, pair: PairBatch, plans: Sequence[PairPlan]) -> UntransformedBatch:
        views = self.run.views
        view_plans = {
            "query": [plan.query for plan in plans],
            "key": [plan.key for plan in plans],
            "whole": [plan.whole for plan in plans if plan.whole is not None],
            "small": [view for plan in plans for view in plan.small],
        }
        transforms = {name: pack(group) for name, group in view_plans.items() if group}
        small = views.size_px / views.small_crops.size_px if views.small_crops is not None else 1.0
        return UntransformedBatch(pair, transforms, views.max_blur_sigma, views.max_blur_sigma * small)

    def keys_of(self, keys: list[Key]) -> KeyViews:
        """Make the key views alone, as they are in a batch, and their tags."""
        plans = [self.plan(key) for key in keys]
        views = []
        for row, plan in zip(self.rows_of(keys), plans, strict=True):
            size = self.images.sizes[row]
            image = read_for(self.images.paths[row], size, [plan.key], self.run.views, self.decoder)
            views.append(self._make(image, size, plan.key, self.run.views.size_px))
        transforms = pack([plan.key for plan in plans]) if self.run.views.renderer == "batched" else None
        tags = torch.tensor([plan.key.tag for plan in plans])
        rotation = torch.tensor([0 if plan.query.tag == OBJECT_TAG else plan.rotation for plan in plans])
        return KeyViews(stack_images(views), tags, transforms, rotation)

    def rows_of(self, keys: list[Key]) -> list[int]:
        """Return the images of samples."""
        rows: list[int] = self.sources[[number for _, number in keys], 0].tolist()
        return rows

    def _make(self, image: Part, size: Size, view: ViewPlan, side: int) -> ImageArray:
        make = cut_out if self.run.views.renderer == "batched" else render
        return make(image, size, view, side)

    def _sides(self, plan: PairPlan) -> list[tuple[ViewPlan, int]]:
        """List the views of a sample with their sides in pixels: query, key, the whole image if any, small crops."""
        views = self.run.views
        sides = [(plan.query, views.size_px), (plan.key, views.size_px)]
        if plan.whole is not None:
            sides.append((plan.whole, self.run.losses.whole_size_px or views.size_px))
        return sides + [(view, views.small_crops.size_px) for view in plan.small if views.small_crops is not None]

    def _render(self, row: int, plan: PairPlan) -> "RenderedViews":
        size, sides = self.images.sizes[row], self._sides(plan)
        image = read_for(self.images.paths[row], size, [view for view, _ in sides], self.run.views, self.decoder)
        images = [self._make(image, size, view, side) for view, side in sides]
        whole, small = images[2] if plan.whole is not None else None, images[len(sides) - len(plan.small) :]
        return RenderedViews(images[0], images[1], whole, small, image.is_rejected)

    def _cells(self, row: int, plan: PairPlan) -> NDArray[np.uint8]:
        assert plan.whole is not None
        # of two object views (an ablation) the query's counts
        view = plan.query if plan.query.region == "object" else plan.key
        patches = self.run.losses.patches
        crop, size = drawn_crop(view, self.images.sizes[row], self.run.views)
        return occupancy(crop, size, patches, is_flipped=plan.whole.is_flipped)


class RenderedViews(NamedTuple):
    """The pixels of one sample."""

    query: ImageArray
    key: ImageArray
    whole: ImageArray | None
    small: list[ImageArray]
    is_rejected: bool


class ShuffledSamples(Dataset[PairBatch | UntransformedBatch]):
    """Pairs of views, with the key views of other pairs beside them: those that this process encodes (see `key_permutation`)."""

    def __init__(self, samples: PairSamples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def describe(self) -> dict[str, Any]:
        """Describe the pairs."""
        return self.samples.describe()

    def __getitems__(self, share: LoadedShare) -> PairBatch | UntransformedBatch:
        """Make a batch."""
        return self.samples.__getitems__(share.own).with_shuffled(self.samples.keys_of(share.shuffled))
