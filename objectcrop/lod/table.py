"""Tables of proposals: from boxes per image to rows, and the counts that go with them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, Size, area, as_boxes, clip, to_pixels, to_relative
from objectcrop.lod.regions import Regions
from objectcrop.lod.selection import are_usable, select_by_group
from objectcrop.lod.shards import JoinedImages
from objectcrop.study.proposals import FeatureProposals, LodProposals
from objectcrop.tables import PROPOSALS, empty_table

TARGET_CROP_SHARE = 0.2
"""Crops of objects should cover about as much of the image as scene crops of the least scale do."""
LARGEST_SCALE = 0.9


class Found(NamedTuple):
    """The boxes of one image, best first, half-open pixels of the decoded image."""

    image_id: str
    size: Size
    boxes: Boxes
    scores: NDArray[np.float64]


def usable(found: Found) -> Found:
    """The same, cut at the border and without boxes too small to crop from."""
    boxes = clip(found.boxes, found.size)
    kept = are_usable(boxes, found.size)
    return Found(found.image_id, found.size, boxes[kept], found.scores[kept])


def proposals_table(images: Iterable[Found]) -> pd.DataFrame:
    """Rows of PROPOSALS, ranked from 0 in each image."""
    parts = [
        pd.DataFrame(found.boxes, columns=["x1", "y1", "x2", "y2"]).assign(
            image_id=found.image_id, rank=np.arange(len(found.boxes)), score=found.scores
        )
        for found in images
        if len(found.boxes)
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty_table(PROPOSALS)


def select_lod(
    images: JoinedImages,
    scores: NDArray[np.float64],
    offsets: NDArray[np.int64],
    sizes: dict[str, Size],
    settings: LodProposals,
) -> Iterator[Found]:
    """The best boxes of every image by LOD's scores, in pixels of the decoded image.

    Args:
        images: joined `sizes` (of the reduced pictures), `boxes`, `roots` and `layers`.
        scores: of all regions.
        offsets: first region of each image, shape (images + 1,).
        sizes: of the decoded images.
        settings: how many boxes, and how much they may overlap.

    Raises:
        ValueError: if the features are not those of `sizes`.
    """
    if images.image_ids != list(sizes):
        raise ValueError(
            f"the features are of {len(images.image_ids)} images, the manifest's training split holds {len(sizes)} or "
            "others; run extract_features again"
        )
    reduced_sizes = images.sizes()
    columns = (images.by_name["boxes"], images.by_name["roots"], images.by_name["layers"])
    for index, (boxes, roots, layers) in enumerate(zip(*columns, strict=True)):
        image_id, reduced = images.image_ids[index], reduced_sizes[index]
        own = scores[offsets[index] : offsets[index + 1]]
        enlarged = to_pixels(to_relative(boxes.astype(np.float64), reduced), sizes[image_id])
        kept = are_usable(enlarged, sizes[image_id])
        enlarged, own = enlarged[kept], own[kept]
        groups = Regions(boxes[kept], roots[kept].astype(np.int64), layers[kept].astype(np.int64)).groups
        best = select_by_group(enlarged, own, groups, max_boxes=settings.max_boxes, max_overlap=settings.max_overlap)
        yield Found(image_id, sizes[image_id], enlarged[best], own[best])


def join_tables(parts: Sequence[pd.DataFrame], image_ids: Sequence[str]) -> pd.DataFrame:
    """Rows of all shards, in the order of the data set's images and by rank, whatever the number of shards."""
    joined = pd.concat(parts, ignore_index=True)
    place = joined["image_id"].map({image_id: index for index, image_id in enumerate(image_ids)})
    return joined.assign(place=place).sort_values(["place", "rank"]).drop(columns="place").reset_index(drop=True)


def training_sizes(manifest: pd.DataFrame) -> dict[str, Size]:
    """Size of every image of the training split, in the order of the manifest."""
    train = manifest[manifest["split"] == "train"]
    columns = zip(train["image_id"], train["width_px"], train["height_px"], strict=True)
    return {str(image_id): Size(int(width), int(height)) for image_id, width, height in columns}


def boxes_by_image(table: pd.DataFrame) -> dict[str, Boxes]:
    """Boxes of a proposals table by image, best first."""
    ordered = table.sort_values(["image_id", "rank"], kind="stable")
    return {
        str(image_id): as_boxes(rows[["x1", "y1", "x2", "y2"]].to_numpy())
        for image_id, rows in ordered.groupby("image_id", sort=False)
    }


def summarise(table: pd.DataFrame, sizes: dict[str, Size], *, features: str) -> dict[str, Any]:
    """Counts of a proposals table for its JSON.

    `object_scale_min` is min(0.9, 0.2 / mean area share): a crop of that share of a box covers, on average, as much of the
    image as the smallest scene crop; 0.2 where there are no boxes, since views then fall back on the whole image.

    Args:
        table: proposals.
        sizes: of all images that were to get proposals.
        features: in words, what the proposals were made from.
    """
    boxes = as_boxes(table[["x1", "y1", "x2", "y2"]].to_numpy())
    pixels = np.array(
        [size.width * size.height for size in map(sizes.__getitem__, table["image_id"])], dtype=np.float64
    )
    share = float(np.mean(area(boxes) / pixels)) if len(boxes) else None
    with_boxes = table["image_id"].nunique()
    return {
        "num_images": len(sizes),
        "num_images_without": len(sizes) - int(with_boxes),
        "num_boxes": len(boxes),
        "mean_boxes": len(boxes) / max(len(sizes), 1),
        "mean_area_share": share,
        "object_scale_min": TARGET_CROP_SHARE if share is None else min(LARGEST_SCALE, TARGET_CROP_SHARE / share),
        "features": features,
    }


def describe_features(source: FeatureProposals, run_summaries: Sequence[dict[str, Any]]) -> str:
    """What features proposals come from, in words.

    Args:
        source: its settings.
        run_summaries: the summary of the run that trained the trunk, if one of the study did.
    """
    if source.trunk is not None:
        return f"{source.trunk.arch} from {source.trunk.weights or 'its package'}: {source.trunk.trained_with}"
    (summary,) = run_summaries
    return f"{summary['features']} features of run {summary['run']}, seed {summary['seed']}"
