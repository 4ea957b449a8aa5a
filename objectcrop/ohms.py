"""OHMS: which pictures of a boxed data set show several classes that are common enough (paper, section 3; decision 0001).

Rule b asks for pictures with at least two distinct classes, rule c for classes with at least 900 such pictures. Dropping a
class can take a picture below rule b, and that can take a class below rule c, hence the fixpoint. Both rules only ever
drop, so the fixpoint is the largest set of pictures and classes that satisfies them, whatever the order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.runtime.randomness import generator
from objectcrop.study.datasets import OhmsDataset
from objectcrop.study.section import recorded

PAPER = {
    "num_images": 212_753,
    "num_classes": 208,
    "boxes_per_image": 12,
    "min_images_per_class": 1_000,
    "max_images_per_class": 60_000,
}
"""What the paper says of OHMS's training split; the last three are approximate."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Subset:
    """An OHMS subset.

    Attributes:
        images: IMAGES, by split and id.
        classes: CLASSES, by id.
        boxes: ANNOTATIONS of the images, in the order of the input.
        summary: counts a split beside the paper's, and what each rule left.
    """

    images: pd.DataFrame
    classes: pd.DataFrame
    boxes: pd.DataFrame
    summary: dict[str, Any]


@dataclass(frozen=True)
class _Pairs:
    """The distinct (image, class) pairs of a split, as codes: what the rules look at."""

    image: NDArray[np.int64]
    class_: NDArray[np.int64]
    num_images: int
    num_classes: int

    def classes_per_image(self, class_kept: Mask) -> NDArray[np.int64]:
        """Distinct kept classes of every image, shape (num_images,)."""
        return np.bincount(self.image[class_kept[self.class_]], minlength=self.num_images)

    def images_per_class(self, image_kept: Mask) -> NDArray[np.int64]:
        """Kept images of every class, shape (num_classes,)."""
        return np.bincount(self.class_[image_kept[self.image]], minlength=self.num_classes)


def select_ohms(boxes: pd.DataFrame, classes: pd.DataFrame, settings: OhmsDataset) -> Subset:
    """Apply the rules to the training boxes; the other splits follow its classes.

    Args:
        boxes: ANNOTATIONS of the data set that is selected from.
        classes: its CLASSES, for the display names.
        settings: the rules.

    Raises:
        ValueError: if there are no training boxes, or the rules leave nothing: which rule, and the counts before it.
    """
    used = boxes[_usable(boxes, settings)].reset_index(drop=True)
    image_codes, image_ids = pd.factorize(used["image_id"])
    class_codes, class_ids = pd.factorize(used["class_id"])
    splits = {split: (used["split"] == split).to_numpy() for split in ("train", "validation", "test")}
    if not splits["train"].any():
        raise ValueError("there are no training boxes to select from (after group-of and depiction boxes were dropped)")

    def pairs_of(split: str) -> _Pairs:
        return _distinct(image_codes[splits[split]], class_codes[splits[split]], len(image_ids), len(class_ids))

    train = pairs_of("train")
    image_kept, class_kept, steps = _apply_rules(train, settings)
    if settings.max_train_images is not None:
        image_kept = _sample(image_kept, image_ids, settings.max_train_images, settings.seed)
        class_kept = _recount(train, image_kept, class_kept, settings.min_images_per_class, steps)
    for split, limit in (("validation", None), ("test", settings.max_test_images)):
        image_kept |= _follow(pairs_of(split), class_kept, image_ids, settings.min_classes_per_image, limit)
    if settings.labels == "raw":
        class_kept = train.images_per_class(image_kept) > 0
    kept = used[image_kept[image_codes] & class_kept[class_codes]].reset_index(drop=True)
    tables = _images_of(kept), _classes_of(kept, classes)
    summary = {
        "settings": recorded(settings),
        "paper": PAPER,
        "steps": steps,
        "splits": {str(split): _counts(rows) for split, rows in kept.groupby("split", sort=True)},
    }
    return Subset(*tables, kept, summary)


def _usable(boxes: pd.DataFrame, settings: OhmsDataset) -> pd.Series:
    usable = pd.Series(True, index=boxes.index)
    if settings.drop_group_of:
        usable &= ~boxes["is_group_of"]
    if settings.drop_depiction:
        usable &= ~boxes["is_depiction"]
    return usable


def _distinct(image: NDArray[np.int64], class_: NDArray[np.int64], num_images: int, num_classes: int) -> _Pairs:
    keys = np.sort(image.astype(np.int64) * num_classes + class_)
    keys = keys[np.diff(keys, prepend=-1) > 0]  # np.unique hashes, which takes four times as long here
    return _Pairs(keys // num_classes, keys % num_classes, num_images, num_classes)


def _apply_rules(pairs: _Pairs, settings: OhmsDataset) -> tuple[Mask, Mask, list[dict[str, Any]]]:
    """Images and classes that rules b and c leave, and the counts after each."""
    class_kept = pairs.images_per_class(np.ones(pairs.num_images, dtype=bool)) > 0
    steps = [_step("a: images with boxes", pairs.classes_per_image(class_kept) > 0, class_kept)]
    image_kept = pairs.classes_per_image(class_kept) >= settings.min_classes_per_image
    _record(steps, f"b: images with >= {settings.min_classes_per_image} classes", image_kept, class_kept, "")
    at_least = settings.min_classes_per_image if settings.match == "strict" else 1
    while True:
        counts = pairs.images_per_class(image_kept) * class_kept
        left = class_kept & (counts >= settings.min_images_per_class)
        stable = bool((left == class_kept).all())
        class_kept = left
        rule = f"c: classes with >= {settings.min_images_per_class} images"
        _record(steps, rule, image_kept, class_kept, f"; the most common class has {counts.max(initial=0)} images")
        if stable:
            return image_kept, class_kept, steps
        image_kept = image_kept & (pairs.classes_per_image(class_kept) >= at_least)
        _record(steps, f"images with >= {at_least} of these classes ({settings.match})", image_kept, class_kept, "")
        if not settings.fixpoint:
            return image_kept, class_kept, steps


def _record(steps: list[dict[str, Any]], rule: str, image_kept: Mask, class_kept: Mask, detail: str) -> None:
    """Append what a rule left.

    Raises:
        ValueError: if it left nothing.
    """
    before, now = steps[-1], _step(rule, image_kept, class_kept)
    if now["num_images"] == 0 or now["num_classes"] == 0:
        raise ValueError(
            f"OHMS: the rule '{rule}' leaves nothing of {before['num_images']} training images and "
            f"{before['num_classes']} classes{detail}; lower min_images_per_class or min_classes_per_image"
        )
    steps.append(now)


def _step(rule: str, image_kept: Mask, class_kept: Mask) -> dict[str, Any]:
    return {"rule": rule, "num_images": int(image_kept.sum()), "num_classes": int(class_kept.sum())}


def _follow(pairs: _Pairs, class_kept: Mask, image_ids: pd.Index, at_least: int, limit: int | None) -> Mask:
    """Images of a held-out split with `at_least` of the kept classes, the first `limit` by sorted id."""
    kept = pairs.classes_per_image(class_kept) >= at_least
    if limit is not None and kept.sum() > limit:
        found = np.flatnonzero(kept)
        order = np.argsort(image_ids[found].to_numpy(dtype=str), kind="stable")
        kept = np.zeros_like(kept)
        kept[found[order[:limit]]] = True
    return kept


def _sample(kept: Mask, image_ids: pd.Index, limit: int, seed: int) -> Mask:
    """A random `limit` of the kept images; which ones depends on their ids and the seed, not on the order of rows."""
    found = np.flatnonzero(kept)
    if len(found) <= limit:
        return kept
    by_id = found[np.argsort(image_ids[found].to_numpy(dtype=str), kind="stable")]
    sample = np.zeros_like(kept)
    sample[generator(seed, "sample ohms").choice(by_id, size=limit, replace=False)] = True
    return sample


def _recount(pairs: _Pairs, image_kept: Mask, class_kept: Mask, at_least: int, steps: list[dict[str, Any]]) -> Mask:
    """The classes that a sample shows; how many of them still reach the minimum is recorded, none is dropped for it."""
    counts = pairs.images_per_class(image_kept)
    shown = class_kept & (counts > 0)
    steps.append(_step("random sample of training images", image_kept, shown))
    rule = "of its classes, those that still reach the minimum (none is dropped)"
    steps.append(_step(rule, image_kept, shown & (counts >= at_least)))
    return shown


def _images_of(boxes: pd.DataFrame) -> pd.DataFrame:
    grouped = boxes.groupby(["split", "image_id"], sort=True)["class_id"]
    return grouped.agg(num_boxes="size", num_classes="nunique").reset_index()


def _classes_of(boxes: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    counts = _images_per_class(boxes[boxes["split"] == "train"])
    return pd.DataFrame(
        {
            "class_id": counts.index,
            "name": classes.set_index("class_id")["name"].reindex(counts.index).to_numpy(),
            "num_train_images": counts.to_numpy(),
        }
    )


def _images_per_class(boxes: pd.DataFrame) -> "pd.Series[int]":
    return boxes[["image_id", "class_id"]].drop_duplicates()["class_id"].value_counts().sort_index()


def _counts(boxes: pd.DataFrame) -> dict[str, Any]:
    counts = _images_per_class(boxes)
    num_images = int(boxes["image_id"].nunique())
    return {
        "num_images": num_images,
        "num_classes": len(counts),
        "num_boxes": len(boxes),
        "boxes_per_image": len(boxes) / num_images,
        "min_images_per_class": int(counts.min()),
        "max_images_per_class": int(counts.max()),
    }
