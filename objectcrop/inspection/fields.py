"""What the FiftyOne data set holds: every field and attribute, declared once, with the words that the App shows."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from objectcrop.inspection.measures import HIT_IOU, TOUCH_IOU, VISIBLE_SHARE

SCHEMA_VERSION = 1
"""Raise when a field changes its meaning: old databases are then imported again."""

Kind = Literal["text", "integer", "number", "flag"]


class FieldSpec(NamedTuple):
    """A field of the data set, or with a dotted path an attribute of the boxes in one."""

    path: str
    kind: Kind
    description: str


BOXES = ("ground_truth", "proposals")
REGIONS = ("object_box", "dilated_box")
CROPS = ("view1_crops", "view2_crops")

MEASURES = (
    FieldSpec("num_objects", "integer", "annotated objects, groups and crowds left out"),
    FieldSpec("num_proposals", "integer", "proposals kept"),
    FieldSpec("corloc", "flag", f"the top-ranked proposal has IoU >= {HIT_IOU} with an object"),
    FieldSpec("corloc_iou", "number", "best IoU of the top-ranked proposal"),
    FieldSpec("det_rate", "number", f"share of the objects that some proposal covers at IoU >= {HIT_IOU}"),
    FieldSpec("num_missed", "integer", "objects that no proposal covers"),
    FieldSpec("best_iou_mean", "number", "mean over objects of the best proposal's IoU"),
    FieldSpec("smallest_object", "number", "area of the smallest object over the image's"),
)
CROP_MEASURES = (
    FieldSpec("crop_hit_rate", "number", f"share of the drawn crops that hold >= {VISIBLE_SHARE:.0%} of an object"),
)
IMAGE = (
    FieldSpec("image_id", "text", "id in the data set"),
    FieldSpec("split", "text", "split of the data set"),
)
ATTRIBUTES = (
    FieldSpec("ground_truth.is_group", "flag", "group, crowd or difficult: left out of the measures"),
    FieldSpec("ground_truth.area_share", "number", "area over the image's"),
    FieldSpec("ground_truth.size", "text", "tiny (< 1 %), small (< 5 %), medium (< 20 %), large"),
    FieldSpec("ground_truth.best_iou", "number", "IoU of the best proposal"),
    FieldSpec("ground_truth.best_rank", "integer", "rank of that proposal, 0 = top; -1 without proposals"),
    FieldSpec("ground_truth.first_hit_rank", "integer", f"rank of the first proposal at IoU >= {HIT_IOU}; -1 = none"),
    FieldSpec("ground_truth.covered", "flag", f"best_iou >= {HIT_IOU}"),
    FieldSpec("proposals.rank", "integer", "0 = top score"),
    FieldSpec("proposals.best_iou", "number", "best IoU with an object"),
    FieldSpec("proposals.verdict", "text", f"hit (IoU >= {HIT_IOU}), partial (>= {TOUCH_IOU}), miss"),
    FieldSpec("proposals.area_share", "number", "area over the image's"),
)
REGION_ATTRIBUTES = (
    FieldSpec("proposal_rank", "integer", "proposal that the region comes from; -1 = none, the whole image"),
)
CROP_ATTRIBUTES = (
    FieldSpec("object_share", "number", "largest share of an object's area inside the crop"),
    FieldSpec("sees_object", "flag", f"object_share >= {VISIBLE_SHARE}"),
)


def label_fields(*, with_crops: bool) -> tuple[str, ...]:
    """Names of the fields that hold boxes."""
    return BOXES + REGIONS + CROPS if with_crops else BOXES


def sample_fields(*, with_crops: bool) -> tuple[FieldSpec, ...]:
    """Fields of an image."""
    return IMAGE + MEASURES + (CROP_MEASURES if with_crops else ())


def attributes(*, with_crops: bool) -> Iterator[FieldSpec]:
    """Attributes of the boxes, as `field.attribute`."""
    yield from ATTRIBUTES
    if with_crops:
        for field in REGIONS + CROPS:
            extra = CROP_ATTRIBUTES if field in CROPS else ()
            yield from (declared._replace(path=f"{field}.{declared.path}") for declared in REGION_ATTRIBUTES + extra)


def indexed(*, with_crops: bool) -> tuple[str, ...]:
    """Fields that the saved views sort and match by; an index makes them quick."""
    measures = ("num_proposals", "num_missed", "corloc", "corloc_iou", "det_rate", "best_iou_mean", "smallest_object")
    return ("image_id", *measures, *(("crop_hit_rate",) if with_crops else ()))
