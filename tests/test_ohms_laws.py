"""The rules of OHMS on random tables, against a slow dictionary version and all sets of classes."""

from itertools import combinations, product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.ohms import select_ohms
from objectcrop.study.settings.subsets import OhmsDataset
from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, check
from tests.ohms_rows import (
    CLASS_IDS,
    Rows,
    annotations,
    class_table,
    kept_labels,
    labels_by_image,
    rows_of_boxes,
    rules,
    select,
)

SPLITS = ("train", "validation", "test")


def slow_subset(rows: Rows, flags: list[tuple[bool, bool]], chosen: OhmsDataset) -> tuple[list[int], set[str]] | None:
    """Spec/oac.md 1.8 word for word, with dictionaries: places of the kept rows, and C; None if nothing is left."""
    usable = [
        place
        for place, (group_of, depiction) in enumerate(flags)
        if not (chosen.drop_group_of and group_of) and not (chosen.drop_depiction and depiction)
    ]
    labels = {split: labels_by_image([rows[place] for place in usable], split) for split in SPLITS}
    at_most = chosen.max_classes_per_image or len(CLASS_IDS)
    at_least = chosen.min_classes_per_image if chosen.match == "strict" else 1
    train = labels["train"]
    kept = {image for image, found in train.items() if chosen.min_classes_per_image <= len(found) <= at_most}
    common: set[str] | None = None
    while True:
        candidates = set(CLASS_IDS) if common is None else common
        left = {c for c in candidates if sum(c in train[image] for image in kept) >= chosen.min_images_per_class}
        if left == common:
            break
        common = left
        kept = {image for image in kept if len(train[image] & common) >= at_least}
        if not chosen.fixpoint:
            break
    if not kept or not common:
        return None
    shown = set().union(*(train[image] for image in kept)) if chosen.labels == "raw" else common
    for split, limit in (("validation", None), ("test", chosen.max_test_images)):
        meets = [
            i for i, s in labels[split].items() if len(s & common) >= chosen.min_classes_per_image <= len(s) <= at_most
        ]
        kept |= set(sorted(meets)[:limit])
    return [place for place in usable if rows[place][0] in kept and rows[place][1] in shown], common


OPTIONS = {
    "match": ("strict", "loose"),
    "fixpoint": (True, False),
    "labels": ("restricted", "raw"),
    "drop_group_of": (False, True),
    "drop_depiction": (False, True),
}
numbers = st.fixed_dictionaries(
    {
        "min_images_per_class": st.integers(1, 4),
        "min_classes_per_image": st.integers(1, 3),
        "max_test_images": st.none() | st.integers(1, 3),
    }
)


@pytest.mark.parametrize(
    "options", [dict(zip(OPTIONS, values, strict=True)) for values in product(*OPTIONS.values())], ids=str
)
def test_selection_equals_the_slow_dictionary_version(options):
    @given(
        rows_of_boxes, numbers, st.sampled_from([None, None, 0, 1, 2]), st.booleans(), st.randoms(use_true_random=False)
    )
    @settings(max_examples=25, deadline=None)
    def compare(rows, limits, more, categories, random):
        at_most = None if more is None else limits["min_classes_per_image"] + more
        chosen = rules(**options, **limits, max_classes_per_image=at_most)
        flags = [(random.random() < 0.2, random.random() < 0.2) for _ in rows]
        boxes = annotations(
            rows, is_group_of=[group_of for group_of, _ in flags], is_depiction=[depiction for _, depiction in flags]
        )
        expected = slow_subset(rows, flags, chosen)
        given = check(boxes, ANNOTATIONS, where="test", categories=True) if categories else boxes
        try:
            subset = select_ohms(given, class_table(), chosen)
        except ValueError:
            assert expected is None
            return
        assert expected is not None
        places, common = expected
        pd.testing.assert_frame_equal(
            check(subset.boxes, ANNOTATIONS, where="kept"), boxes.loc[places].reset_index(drop=True)
        )
        assert subset.images.to_dict("records") == slow_images([rows[place] for place in places])
        shown = subset.classes.set_index("class_id")["num_train_images"].to_dict()
        train = labels_by_image([rows[place] for place in places], "train")
        assert shown == {c: n for c in CLASS_IDS if (n := sum(c in found for found in train.values()))}
        if chosen.labels == "restricted":
            assert set(shown) <= common

    compare()


def slow_images(rows: Rows) -> list[dict[str, object]]:
    """IMAGES of these rows."""
    found = []
    for split in sorted(SPLITS):
        for image, classes in sorted(labels_by_image(rows, split).items()):
            num_boxes = sum(row[0] == image for row in rows)
            found.append({"image_id": image, "split": split, "num_boxes": num_boxes, "num_classes": len(classes)})
    return found


@pytest.mark.parametrize("match", ["strict", "loose"])
@given(rows_of_boxes, st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_the_fixpoint_is_the_largest_set_of_classes_that_satisfies_the_rules(match, rows, min_images):
    labels = labels_by_image(rows, "train")
    at_least = 2 if match == "strict" else 1

    def is_consistent(classes: frozenset[str]) -> bool:
        kept = [found & classes for found in labels.values() if len(found) >= 2 and len(found & classes) >= at_least]
        return all(sum(c in found for found in kept) >= min_images for c in classes)

    sets = [frozenset(some) for size in range(len(CLASS_IDS) + 1) for some in combinations(CLASS_IDS, size)]
    largest = frozenset().union(*filter(is_consistent, sets))
    assert is_consistent(largest)
    subset = select(rows, rules(match=match, min_images_per_class=min_images))
    assert (set(subset.classes["class_id"]) if subset else set()) == largest
    kept = {image for image, found in labels.items() if len(found) >= 2 and len(found & largest) >= at_least}
    assert (set(kept_labels(subset, "train")) if subset else set()) == kept


@given(rows_of_boxes, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_every_kept_class_and_image_satisfies_the_strict_rules(rows, min_images):
    subset = select(rows, rules(min_images_per_class=min_images))
    if subset is not None:
        assert (subset.classes["num_train_images"] >= min_images).all()
        assert (subset.images["num_classes"] >= 2).all()
        assert set(subset.boxes["image_id"]) == set(subset.images["image_id"])
        check(subset.images, IMAGES, where="images")
        check(subset.classes, CLASSES, where="classes")
        check(subset.boxes, ANNOTATIONS, where="boxes")


@given(rows_of_boxes, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    chosen = rules(max_train_images=3, max_test_images=2)
    first, second = select(rows, chosen), select(shuffled, chosen)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        pd.testing.assert_frame_equal(first.images, second.images)
        pd.testing.assert_frame_equal(first.classes, second.classes)
        assert first.summary == second.summary


@given(rows_of_boxes)
@settings(max_examples=100, deadline=None)
def test_held_out_splits_show_two_kept_classes_and_test_is_capped_by_sorted_id(rows):
    chosen = rules(min_images_per_class=1, max_test_images=2)
    subset = select(rows, chosen)
    if subset is None:
        return
    common = set(subset.classes["class_id"])
    for split, limit in (("validation", None), ("test", 2)):
        wanted = sorted(image for image, found in labels_by_image(rows, split).items() if len(found & common) >= 2)
        assert subset.images.loc[subset.images["split"] == split, "image_id"].tolist() == wanted[:limit]


@given(rows_of_boxes, st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_random_subset_of_all_images_has_the_number_asked_for_and_whole_images(rows, limit, seed):
    everything = rules(min_classes_per_image=1, min_images_per_class=1, max_train_images=limit, seed=seed)
    subset = select(rows, everything)
    labels = labels_by_image(rows, "train")
    if not labels:
        assert subset is None
        return
    found = kept_labels(subset, "train")
    assert len(found) == min(limit, len(labels))
    assert found == {image: labels[image] for image in found}
