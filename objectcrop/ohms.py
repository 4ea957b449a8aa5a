"""OHMS: which images of a boxed data set show several classes that are common enough (paper, section 3; decision 0001).

Rule b asks for images with at least two distinct classes, rule c for classes with at least 900 such images. Dropping a
class can take an image below rule b, and that can take a class below rule c, hence the fixpoint. Both rules only ever
drop, so the fixpoint is the largest set of images and classes that satisfies them, whatever the order.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.codes import Codes, distinct_pairs, take_rows, text_codes
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.section import recorded
from objectcrop.study.settings.subsets import OhmsDataset

PAPER = {
    "num_images": 212_753,
    "num_classes": 208,
    "boxes_per_image": 12,
    "min_images_per_class": 1_000,
    "max_images_per_class": 60_000,
}
"""The paper's numbers of OHMS's training split; the last three are approximate."""

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
    """The distinct (image, class) pairs of a split, as codes: what the rules read."""

    image: NDArray[np.int64]
    class_: NDArray[np.int64]
    num_images: int
    num_classes: int

    def kept(self, image_kept: Mask, class_kept: Mask) -> "_Pairs":
        """Return the pairs of a kept image and a kept class."""
        left = image_kept[self.image] & class_kept[self.class_]
        return replace(self, image=self.image[left], class_=self.class_[left])

    def classes_per_image(self, class_kept: Mask | None = None) -> NDArray[np.int64]:
        """Return the number of distinct classes of every image, of all or of the kept ones, shape (num_images,)."""
        image = self.image if class_kept is None else self.image[class_kept[self.class_]]
        return np.bincount(image, minlength=self.num_images)

    def images_per_class(self, image_kept: Mask | None = None) -> NDArray[np.int64]:
        """Return the images of every class, all or the kept ones, shape (num_classes,)."""
        class_ = self.class_ if image_kept is None else self.class_[image_kept[self.image]]
        return np.bincount(class_, minlength=self.num_classes)


@dataclass(frozen=True)
class _Coded:
    """Boxes by codes into sorted ids, so that the order of codes is that of ids.

    Attributes:
        image, class_, split: codes of each box.
        image_ids, class_ids, splits: sorted; some may have no box.
    """

    image: Codes
    class_: Codes
    split: Codes
    image_ids: pd.Index
    class_ids: pd.Index
    splits: pd.Index

    @classmethod
    def of(cls, boxes: pd.DataFrame) -> "_Coded":
        image, image_ids = text_codes(boxes["image_id"])
        class_, class_ids = text_codes(boxes["class_id"])
        split, splits = text_codes(boxes["split"])
        return cls(image, class_, split, image_ids, class_ids, splits)

    def rows_of(self, split: str) -> Mask:
        """Return which boxes are of a split, shape (n,)."""
        code = self.splits.get_loc(split) if split in self.splits else -1
        return np.asarray(self.split == code)

    def pairs_of(self, split: str) -> _Pairs:
        rows, counts = self.rows_of(split), (len(self.image_ids), len(self.class_ids))
        image, class_ = (self.image, self.class_) if rows.all() else (self.image[rows], self.class_[rows])
        return _Pairs(*distinct_pairs(image, class_, counts[1]), *counts)


def select_ohms(boxes: pd.DataFrame, classes: pd.DataFrame, settings: OhmsDataset) -> Subset:
    """Apply the rules to the training boxes; the other splits follow its classes.

    Args:
        boxes: ANNOTATIONS of the data set that is selected from; fastest with categoricals.
        classes: its CLASSES, for the display names.
        settings: the rules.

    Raises:
        ValueError: if there are no training boxes, or the rules leave nothing: which rule, and the counts before it.
    """
    usable = _usable(boxes, settings)
    used = boxes if usable.all() else take_rows(boxes, usable)
    coded = _Coded.of(used)
    pairs = {split: coded.pairs_of(split) for split in ("train", "validation", "test")}
    train = pairs["train"]
    if len(train.image) == 0:
        raise ValueError("there are no training boxes to select from (after group-of and depiction boxes were dropped)")
    image_kept, class_kept, steps = _apply_rules(train, settings)
    if settings.max_train_images is not None:
        image_kept = _sample(image_kept, settings.max_train_images, settings.seed)
        class_kept = _recount(train, image_kept, class_kept, settings.min_images_per_class, steps)
    for split, limit in (("validation", None), ("test", settings.max_test_images)):
        image_kept |= _follow(pairs[split], class_kept, settings, limit)
    if settings.labels == "raw":
        class_kept = train.images_per_class(image_kept) > 0
    kept = image_kept[coded.image] & class_kept[coded.class_]
    pairs = {split: of_split.kept(image_kept, class_kept) for split, of_split in sorted(pairs.items())}
    images = {split: _count_images(coded, kept, split, left) for split, left in pairs.items()}
    images_per_class = {split: left.images_per_class() for split, left in pairs.items()}
    splits = {split: _counts(part, images_per_class[split]) for split, part in images.items() if len(part)}
    return Subset(
        images=pd.concat([part for part in images.values() if len(part)], ignore_index=True),
        classes=_count_classes(coded.class_ids, images_per_class["train"], classes),
        boxes=take_rows(used, kept),
        summary={"settings": recorded(settings), "paper": PAPER, "steps": steps, "splits": splits},
    )


def _usable(boxes: pd.DataFrame, settings: OhmsDataset) -> Mask:
    usable = np.ones(len(boxes), dtype=bool)
    if settings.drop_group_of:
        usable &= ~boxes["is_group_of"].to_numpy()
    if settings.drop_depiction:
        usable &= ~boxes["is_depiction"].to_numpy()
    return usable


def _in_number(counts: NDArray[np.int64], settings: OhmsDataset) -> Mask:
    """Return which images show a number of classes that rule b allows; `counts` are of all their labels."""
    within = counts >= settings.min_classes_per_image
    return within if settings.max_classes_per_image is None else within & (counts <= settings.max_classes_per_image)


def _apply_rules(pairs: _Pairs, settings: OhmsDataset) -> tuple[Mask, Mask, list[dict[str, Any]]]:
    """Return the images and classes that rules b and c leave, and the counts after each."""
    class_kept = pairs.images_per_class() > 0
    counts = pairs.classes_per_image()
    steps = [_step("a: images with boxes", counts > 0, class_kept)]
    image_kept = _in_number(counts, settings)
    at_most = "" if settings.max_classes_per_image is None else f" and <= {settings.max_classes_per_image}"
    _record(steps, f"b: images with >= {settings.min_classes_per_image}{at_most} classes", image_kept, class_kept, "")
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


def _follow(pairs: _Pairs, class_kept: Mask, settings: OhmsDataset, limit: int | None) -> Mask:
    """Return the images of a held-out split that meet rule b with the kept classes, the first `limit` by sorted id."""
    kept = pairs.classes_per_image(class_kept) >= settings.min_classes_per_image
    kept &= _in_number(pairs.classes_per_image(), settings)
    if limit is not None:
        kept[np.flatnonzero(kept)[limit:]] = False
    return kept


def _sample(kept: Mask, limit: int, seed: int) -> Mask:
    """Draw `limit` of the kept images; which ones depends on their ids and the seed, not on the order of rows."""
    indices = np.flatnonzero(kept)
    if len(indices) <= limit:
        return kept
    sample = np.zeros_like(kept)
    sample[generator(seed, "sample ohms").choice(indices, size=limit, replace=False)] = True
    return sample


def _recount(pairs: _Pairs, image_kept: Mask, class_kept: Mask, at_least: int, steps: list[dict[str, Any]]) -> Mask:
    """Return the classes that a sample shows; record how many of them still reach the minimum, drop none."""
    counts = pairs.images_per_class(image_kept)
    present = class_kept & (counts > 0)
    steps.append(_step("random sample of training images", image_kept, present))
    rule = "of its classes, those that still reach the minimum (none is dropped)"
    steps.append(_step(rule, image_kept, present & (counts >= at_least)))
    return present


def _count_images(boxes: _Coded, kept: Mask, split: str, pairs: _Pairs) -> pd.DataFrame:
    """Return IMAGES of one split, by id, from its kept boxes and their distinct pairs."""
    num_boxes = np.bincount(boxes.image[kept & boxes.rows_of(split)], minlength=pairs.num_images)
    indices = np.flatnonzero(num_boxes)
    return pd.DataFrame(
        {
            "image_id": boxes.image_ids[indices],
            "split": split,
            "num_boxes": num_boxes[indices],
            "num_classes": pairs.classes_per_image()[indices],
        }
    )


def _counts(images: pd.DataFrame, images_per_class: NDArray[np.int64]) -> dict[str, Any]:
    """Return the counts of a split."""
    counts = images_per_class[images_per_class > 0]
    return {
        "num_images": len(images),
        "num_classes": len(counts),
        "num_boxes": int(images["num_boxes"].sum()),
        "boxes_per_image": float(images["num_boxes"].mean()),
        "min_images_per_class": int(counts.min()),
        "max_images_per_class": int(counts.max()),
    }


def _count_classes(ids: pd.Index, images_per_class: NDArray[np.int64], classes: pd.DataFrame) -> pd.DataFrame:
    """Return CLASSES of those that some training image shows."""
    present = images_per_class > 0
    names = classes.set_index("class_id")["name"].reindex(ids[present])
    return pd.DataFrame(
        {"class_id": ids[present], "name": names.to_numpy(), "num_train_images": images_per_class[present]}
    )
