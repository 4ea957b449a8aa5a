"""The crops that a run draws, drawn again as boxes beside the proposals."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from objectcrop.boxes import CORNERS, Size, as_boxes
from objectcrop.inspection.records import DrawnPair
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan, plan_pair
from objectcrop.views.regions import usable_ranks

RUN_SEED = 0


def draw_pairs(
    images: pd.DataFrame,
    proposals: pd.DataFrame,
    settings: ViewSettings,
    *,
    object_scale_min: float,
    num_pairs: int,
    seed: int,
) -> dict[str, list[DrawnPair]]:
    """Pairs of views of every image, by image id: those of the first epochs of the run's seed 0.

    Training makes its generator of the same keys and draws the views first, so these are the very crops that it sees.

    Args:
        images: rows of a MANIFEST.
        proposals: PROPOSALS; those of other images are passed over.
        settings: how the run draws views.
        object_scale_min: least crop area over region area of object views.
        num_pairs: pairs an image, one an epoch; of a run that samples by box, one a box of the first epoch, no more than these.
        seed: study seed.
    """
    # the order of query and key is of no interest here: view 1 is always of the first region
    unswapped = settings.model_copy(update={"swap": False})
    wanted = proposals[proposals["image_id"].isin(images["image_id"])].sort_values(["image_id", "rank"])
    seeds = Seeds(seed, RUN_SEED)
    boxes_of = {key: group[CORNERS].to_numpy() for key, group in wanted.groupby("image_id", sort=False)}

    def pairs(image: Mapping[Any, Any]) -> Iterator[DrawnPair]:
        size = Size(image["width_px"], image["height_px"])
        boxes = as_boxes(boxes_of.get(image["image_id"], []))
        ranks = usable_ranks(boxes, size, settings.max_proposals) if settings.sample_unit == "box" else []
        # each box gives a sample of an epoch, or each image one
        first_epoch: list[tuple[int, int | None]] = [(0, rank) for rank in ranks[:num_pairs]]
        for epoch, rank in first_epoch or [(epoch, None) for epoch in range(num_pairs)]:
            chosen = () if rank is None else (rank,)
            rng = seeds.generator("views", epoch, image["image_id"], *chosen)
            yield _pair(*plan_pair(boxes, size, unswapped, object_scale_min, rng, rank=rank))

    return {image["image_id"]: list(pairs(image)) for image in images.to_dict("records")}


def _pair(first: ViewPlan, second: ViewPlan) -> DrawnPair:
    regions = {plan.region: plan.region_box for plan in (first, second)}
    return DrawnPair(
        proposal_rank=max(first.proposal_rank, second.proposal_rank),
        view1=first.crop_box,
        view2=second.crop_box,
        object_box=regions.get("object"),
        dilated_box=regions.get("dilated_object"),
    )
