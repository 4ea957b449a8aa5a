"""Everything that LOD needs to know of one image: descriptor, regions, features of regions."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.boxes import Size
from objectcrop.proposals.lod.regions.image_regions import ImageRegions, Regions
from objectcrop.proposals.lod.regions.pooling import (
    by_place,
    pool_bins,
    pool_regions,
    projected,
    random_projection,
    scale_to_one,
)
from objectcrop.proposals.lod.regions.proposing import cap_regions, layer_regions, merge_layers
from objectcrop.proposals.lod.regions.saliency import unlike_mean
from objectcrop.proposals.trunk import FeatureMap, ImageArray, Trunk, reduced_size, resized
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.proposals import LodProposals

Features = NDArray[np.float32]


def propose_regions(maps: tuple[FeatureMap, FeatureMap], size: Size, settings: LodProposals) -> Regions:
    """Regions of two layers, merged, not yet capped."""
    fine, coarse = (
        layer_regions(
            values,
            size,
            rule=settings.saliency_rule,
            max_peaks=settings.max_peaks,
            num_levels=settings.num_levels,
            reference=settings.quirks == "reference",
        )
        for values in maps
    )
    return merge_layers(fine, coarse)


def projection_of(settings: LodProposals, num_inputs: int, study_seed: int) -> Features | None:
    """The random projection of region features, the same in every job of a study; None if they are kept whole."""
    if settings.projection_dims is None or settings.projection_dims >= num_inputs:
        return None
    rng = generator(study_seed, "lod.projection", num_inputs, settings.projection_dims)
    return random_projection(num_inputs, settings.projection_dims, rng)


class Extractor:
    """Takes the features of images, one by one; holds the trunk and the projection.

    Args:
        trunk: read at the two layers of the settings.
        settings: LOD's settings.
        study_seed: of the projection and of the draw of capped regions.
    """

    def __init__(self, trunk: Trunk, settings: LodProposals, study_seed: int) -> None:
        self._trunk, self._settings, self._study_seed = trunk, settings, study_seed
        self._projection: Tensor | None = None
        self._num_inputs = 0

    def describe(self, image: ImageArray, image_id: str) -> ImageRegions:
        """Descriptor, regions and their features of one decoded image (height, width, 3), RGB.

        Raises:
            ValueError: naming the image, if the trunk gives values that are not finite or are negative.
        """
        settings = self._settings
        size = reduced_size(Size(image.shape[1], image.shape[0]), settings.long_side_px)
        fine, coarse = self._trunk.maps(resized(image, size))
        whole_image = self._trunk.descriptor(image, settings.descriptor_size_px)
        _check(image_id, [fine, coarse], whole_image)
        if settings.centring == "image":
            fine, coarse = unlike_mean(fine), unlike_mean(coarse)
        regions = propose_regions((fine, coarse), size, settings)
        rng = generator(self._study_seed, "lod.cap", image_id)
        regions = cap_regions(regions, settings.max_regions, rng)
        return ImageRegions(size, whole_image, regions, self._region_features(coarse, regions.boxes))

    def _region_features(self, coarse: FeatureMap, boxes: NDArray[np.int64]) -> Features:
        stride, grid = self._trunk.strides[self._settings.layers[1]], self._settings.region_grid
        if self._num_inputs != (num_inputs := len(coarse) * grid**2):
            self._num_inputs = num_inputs
            whole = projection_of(self._settings, num_inputs, self._study_seed)
            dtype = torch.bfloat16 if self._trunk.precision == "bfloat16" else torch.float32
            device = self._trunk.device
            self._projection = None if whole is None else by_place(whole, grid**2, device=device, dtype=dtype)
        if self._projection is None:
            return scale_to_one(pool_regions(coarse, boxes, stride_px=stride, grid=grid))
        return projected(pool_bins(coarse, boxes, stride_px=stride, grid=grid), self._projection)


def _check(image_id: str, maps: list[FeatureMap], whole_image: FeatureMap) -> None:
    for values in (*maps, whole_image):
        if not np.isfinite(values).all():
            raise ValueError(f"image {image_id}: the trunk gives features that are not finite; check its weights")
    if min(values.min(initial=0) for values in maps) < 0:
        raise ValueError(f"image {image_id}: the trunk gives negative features; name layers that end in a ReLU")
