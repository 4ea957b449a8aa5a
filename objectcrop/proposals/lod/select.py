"""From LOD's scores to the proposals of each image."""

from collections.abc import Iterator

import numpy as np

from objectcrop.boxes import Size, are_usable, to_pixels, to_relative
from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
from objectcrop.proposals.lod.regions.image_regions import Regions
from objectcrop.proposals.lod.shards import StoredArray
from objectcrop.proposals.selection import select_by_group
from objectcrop.proposals.table import ImageProposals
from objectcrop.study.settings.proposals import LodProposals


def select_lod(
    images: FeatureShards, ranking: StoredArray, sizes: dict[str, Size], settings: LodProposals
) -> Iterator[ImageProposals]:
    """The best boxes of every image by LOD's scores, in pixels of the decoded image; one image in memory at a time.

    Args:
        images: regions.
        ranking: scores of all regions.
        sizes: of the decoded images.
        settings: how many boxes, and how much they may overlap.

    Raises:
        ValueError: if the features or the ranking are not those of `sizes`.
    """
    if images.image_ids != list(sizes):
        raise ValueError(
            f"the features are of {len(images)} images, the manifest's training split holds {len(sizes)} or "
            "others; run extract_features again"
        )
    if len(ranking) != images.offsets[-1]:
        raise ValueError(
            f"{ranking.path}: ranks {len(ranking)} regions, the features have {images.offsets[-1]}; run rank_regions again"
        )
    reduced_sizes = images.images("sizes", 0, len(images))
    for index, (image_id, size) in enumerate(sizes.items()):
        boxes, roots, layers = (images.regions(name, index) for name in ("boxes", "roots", "layers"))
        own = ranking.read(int(images.offsets[index]), int(images.offsets[index + 1]))
        reduced = Size(*reduced_sizes[index].tolist())
        enlarged = to_pixels(to_relative(boxes.astype(np.float64), reduced), size)
        kept = are_usable(enlarged, size)
        enlarged, own = enlarged[kept], own[kept]
        groups = Regions(boxes[kept], roots[kept].astype(np.int64), layers[kept].astype(np.int64)).groups
        best = select_by_group(enlarged, own, groups, max_boxes=settings.max_boxes, max_overlap=settings.max_overlap)
        yield ImageProposals(image_id, size, enlarged[best], own[best])
