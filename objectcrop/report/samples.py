"""Sample images for the contact sheets: seeded, so that a rerun shows the same ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from objectcrop.boxes import CORNERS, Size, as_boxes, iou, to_pixels
from objectcrop.data.flat import BoxLists
from objectcrop.data.images import decode_image
from objectcrop.proposals.table import BoxTable, boxes_by_image
from objectcrop.report.sheets import ImageArray, SheetImage
from objectcrop.runtime.atomic import replacing
from objectcrop.runtime.randomness import Seeds, generator
from objectcrop.ssl.samples.images import ImageList, boxes_of_images, object_scale_min
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.runs import Run
from objectcrop.views.plan import ViewPlan

Choice = Literal["random", "best", "worst"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
NUM_COLOURS = 128
"""Colours of a written sheet: a third of the bytes, and boxes stay as they are to the eye."""


def sample_shown(
    manifest: pd.DataFrame,
    annotations: pd.DataFrame,
    proposals: pd.DataFrame,
    data_root: Path,
    *,
    count: int,
    seed: int,
    choice: Choice = "random",
) -> list[SheetImage]:
    """Return training images with their boxes; annotated ones alone, where only some are annotated.

    Args:
        manifest: MANIFEST.
        annotations: ANNOTATIONS.
        proposals: PROPOSALS.
        data_root: folder that the images' paths start from.
        count: images at most.
        seed: of the random choice.
        choice: 'best' and 'worst' go by the greatest IoU of the best proposal with an object, which CorLoc measures; images
            without objects are in neither while there are others, those without proposals are worst.

    Raises:
        ValueError: if there are no training images.
    """
    train = manifest[manifest["split"] == "train"].sort_values("image_id")
    annotated = train["image_id"].isin(annotations["image_id"])
    pool = train[annotated] if annotated.any() else train
    if pool.empty:
        raise ValueError("the manifest has no training images to show")
    if choice == "random":
        rows = np.sort(generator(seed, "contact sheet").permutation(len(pool))[:count])
    else:
        overlaps = first_overlaps(pool, annotations, proposals)
        rows = np.argsort(-overlaps if choice == "best" else overlaps, kind="stable")[:count]
    images = []
    for image in pool.iloc[rows].to_dict("records"):
        size = Size(image["width_px"], image["height_px"])
        images.append(
            SheetImage(
                decode_image(data_root / image["path"]),
                _boxes(proposals, image["image_id"], "rank"),
                to_pixels(_boxes(annotations, image["image_id"], "x1"), size),
            )
        )
    return images


def first_overlaps(images: pd.DataFrame, annotations: pd.DataFrame, proposals: pd.DataFrame) -> NDArray[np.float64]:
    """Compute for each image the greatest IoU of its best proposal with an object; 0 without either."""
    best = boxes_by_image(proposals[proposals["rank"] == 0])
    objects = BoxTable(annotations["image_id"], annotations[CORNERS])
    overlaps = []
    for image_id, width, height in zip(images["image_id"], images["width_px"], images["height_px"], strict=True):
        own = to_pixels(objects.get(image_id, as_boxes([])), Size(int(width), int(height)))
        overlaps.append(iou(best.get(image_id, as_boxes([])), own).max(initial=0.0))
    return np.array(overlaps, dtype=np.float64)


def sample_views(
    run: Run,
    manifest: pd.DataFrame,
    proposals: pd.DataFrame | None,
    proposals_summary: Mapping[str, Any] | None,
    data_root: Path,
    *,
    count: int,
    study_seed: int,
) -> list[tuple[ImageArray, tuple[ViewPlan, ViewPlan]]]:
    """Return random training images with the plans of their views in the first epoch of the run's seed 0."""
    images = ImageList.of(manifest, data_root)
    boxes = BoxLists.empty(len(images)) if proposals is None else boxes_of_images(proposals, images)
    samples = PairSamples(images, boxes, run, object_scale_min(run, proposals_summary), Seeds(study_seed, 0))
    numbers = generator(study_seed, "view sheet").permutation(len(samples))[:count]
    keys = [(0, number) for number in np.sort(numbers).tolist()]
    views = []
    for key, row in zip(keys, samples.rows_of(keys), strict=True):
        plan = samples.plan(key)
        views.append((decode_image(images.paths[row]), (plan.query, plan.key)))
    return views


def write_png(image: ImageArray, path: Path) -> None:
    """Write a PNG of few colours atomically."""
    with replacing(path) as aside:
        Image.fromarray(image).quantize(NUM_COLOURS, dither=Image.Dither.NONE).save(aside, optimize=True)


def _boxes(table: pd.DataFrame, image_id: str, order: str) -> NDArray[np.float64]:
    return as_boxes(table.loc[table["image_id"] == image_id].sort_values(order)[CORNERS].to_numpy(dtype=np.float64))
