"""From the pipeline's tables to one plain record an image: what the App will show, without FiftyOne."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS, Boxes, Size, area, as_boxes, clip, to_pixels, to_relative
from objectcrop.inspection.fields import CROPS
from objectcrop.inspection.measures import (
    VISIBLE_SHARE,
    Coverage,
    measure_coverage,
    shown_share,
    size_class,
    summarize,
    verdict,
)
from objectcrop.runtime.randomness import generator

Box = tuple[float, float, float, float]


PAIR_FIELDS = {
    "object_box": "object_box",
    "dilated_box": "dilated_box",
    "view1_crops": "view1",
    "view2_crops": "view2",
}
"""Field of the data set: what of a drawn pair it shows."""


class DrawnPair(NamedTuple):
    """One drawn pair of views of an image; boxes are (x1, y1, x2, y2), pixels."""

    proposal_rank: int  # -1: none was drawn
    view1: Box
    view2: Box
    object_box: Box | None = None  # the regions that the views are cropped from, where they are of these kinds
    dilated_box: Box | None = None


@dataclass(frozen=True)
class Label:
    """A box that the App draws: left, top, width, height as shares of the image's sides."""

    label: str
    box: tuple[float, float, float, float]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One image: where it is under the data root, its boxes by field, its measures by field."""

    path: str
    size: Size
    values: Mapping[str, Any]
    boxes: Mapping[str, Sequence[Label]]


def choose_images(manifest: pd.DataFrame, proposals: pd.DataFrame, *, max_images: int, seed: int) -> pd.DataFrame:
    """Rows of the manifest to show: of the splits that have proposals, a seeded sample where there are too many.

    Images without proposals are kept, as they are what one wants to see; splits that no proposal was made for are not.
    """
    proposed = manifest["image_id"].isin(proposals["image_id"])
    splits = set(manifest.loc[proposed, "split"])
    candidates = manifest[manifest["split"].isin(splits)].sort_values("image_id").reset_index(drop=True)
    if len(candidates) <= max_images:
        return candidates
    rows = generator(seed, "inspect").choice(len(candidates), size=max_images, replace=False)
    return candidates.iloc[np.sort(rows)].reset_index(drop=True)


def make_records(
    images: pd.DataFrame,
    annotations: pd.DataFrame,
    proposals: pd.DataFrame,
    class_names: Mapping[str, str],
    pairs: Mapping[str, Sequence[DrawnPair]] | None = None,
) -> Iterator[Record]:
    """Yield records of the chosen images.

    Args:
        images: rows of a MANIFEST.
        annotations: ANNOTATIONS (relative boxes); those of other images are passed over.
        proposals: PROPOSALS (pixels); those of other images are passed over.
        class_names: class id to the name that the App shows; it shows an id without a name as it is.
        pairs: drawn pairs of views by image id; None leaves the crops out.
    """
    objects_of = _by_image(annotations, images)
    proposals_of = _by_image(proposals.sort_values(["image_id", "rank"]), images)
    for image in images.to_dict("records"):
        key = image["image_id"]
        objects = objects_of.get(key, annotations.iloc[:0])
        ranked = proposals_of.get(key, proposals.iloc[:0])
        drawn = None if pairs is None else pairs.get(key, ())
        yield _record(image, objects, ranked, class_names, drawn)


def _by_image(frame: pd.DataFrame, images: pd.DataFrame) -> dict[str, pd.DataFrame]:
    wanted = frame[frame["image_id"].isin(images["image_id"])]
    return {str(image_id): group for image_id, group in wanted.groupby("image_id", sort=False)}


def _record(
    image: Mapping[Any, Any],
    annotated: pd.DataFrame,
    ranked: pd.DataFrame,
    class_names: Mapping[str, str],
    drawn: Sequence[DrawnPair] | None,
) -> Record:
    size = Size(image["width_px"], image["height_px"])
    is_group = (annotated["is_group_of"] | annotated["is_crowd"]).to_numpy(dtype=bool)
    annotated_boxes = to_pixels(as_boxes(annotated[CORNERS].to_numpy()), size)
    objects = annotated_boxes[~is_group]
    proposed = as_boxes(ranked[CORNERS].to_numpy())
    coverage = measure_coverage(proposed, objects)
    shares = area(annotated_boxes) / (size.width * size.height)
    names = [class_names.get(class_id, class_id) for class_id in annotated["class_id"]]
    values: dict[str, Any] = {"image_id": image["image_id"], "split": image["split"]}
    boxes = {
        "ground_truth": _object_labels(names, annotated_boxes, is_group, shares, coverage, size),
        "proposals": _proposal_labels(proposed, ranked["score"].to_numpy(), coverage, size),
    }
    values |= summarize(coverage, shares[~is_group])
    if drawn is not None:
        boxes |= _crop_labels(drawn, objects, size)
        sees_object = [label.attributes["sees_object"] for view in CROPS for label in boxes[view]]
        if sees_object and len(objects):
            values["crop_hit_rate"] = float(np.mean(sees_object))
    return Record(path=image["path"], size=size, values=values, boxes=boxes)


def _object_labels(
    names: Sequence[str],
    boxes: Boxes,
    is_group: NDArray[np.bool_],
    shares: NDArray[np.float64],
    coverage: Coverage,
    size: Size,
) -> list[Label]:
    places = _places(boxes, size)
    labels, measured = [], 0
    for name, place, group, share in zip(names, places, is_group, shares, strict=True):
        attributes: dict[str, Any] = {
            "is_group": bool(group), "area_share": float(share), "size": size_class(float(share))
        }  # fmt: skip
        if not group:
            attributes |= {
                "best_iou": float(coverage.object_iou[measured]),
                "best_rank": int(coverage.object_rank[measured]),
                "first_hit_rank": int(coverage.first_hit_rank[measured]),
                "covered": bool(coverage.covered[measured]),
            }
            measured += 1
        labels.append(Label(name, place, attributes))
    return labels


def _proposal_labels(boxes: Boxes, scores: NDArray[np.float64], coverage: Coverage, size: Size) -> list[Label]:
    shares = area(boxes) / (size.width * size.height)
    return [
        Label(
            f"#{rank + 1}",
            place,
            {
                "confidence": float(scores[rank]),
                "rank": rank,
                "best_iou": float(coverage.proposal_iou[rank]),
                "verdict": verdict(float(coverage.proposal_iou[rank])),
                "area_share": float(shares[rank]),
            },
        )
        for rank, place in enumerate(_places(boxes, size))
    ]


def _crop_labels(drawn: Sequence[DrawnPair], objects: Boxes, size: Size) -> dict[str, list[Label]]:
    labels: dict[str, list[Label]] = {}
    for name, attribute in PAIR_FIELDS.items():
        ranked_boxes = [(pair.proposal_rank, getattr(pair, attribute)) for pair in drawn if getattr(pair, attribute)]
        boxes = as_boxes([box for _, box in ranked_boxes])
        shares = shown_share(boxes, objects)
        labels[name] = []
        for (rank, _), place, share in zip(ranked_boxes, _places(boxes, size), shares, strict=True):
            attributes: dict[str, Any] = {"proposal_rank": rank}
            if name in CROPS:
                attributes |= {"object_share": float(share), "sees_object": bool(share >= VISIBLE_SHARE)}
            labels[name].append(Label(_rank_name(rank), place, attributes))
    return labels


def _rank_name(rank: int) -> str:
    return f"#{rank + 1}" if rank >= 0 else "whole image"


def _places(boxes: Boxes, size: Size) -> list[tuple[float, float, float, float]]:
    """Left, top, width, height relative to the image, as FiftyOne draws them; cut at its border."""
    relative = to_relative(clip(boxes, size), size)
    return [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in relative.tolist()]
