"""The rules of OHMS, against hand-worked cases, a slow dictionary version and all sets of classes."""

from itertools import combinations, product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.ohms import select_ohms
from objectcrop.study.settings.subsets import OhmsDataset
from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, check

CLASS_IDS = list("abcdef")
SPLITS = ("train", "validation", "test")
Rows = list[tuple[str, str, str]]  # image, class, split
rows_of_boxes = st.lists(
    st.tuples(
        st.integers(0, 14), st.sampled_from(CLASS_IDS), st.sampled_from(["train", "train", "validation", "test"])
    ),
    min_size=1,
    max_size=60,
).map(lambda rows: [(f"{split}{number}", class_id, split) for number, class_id, split in rows])


def annotations(rows: Rows, **flags: list[bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["image_id", "class_id", "split"])
    frame = frame.assign(x1=0.1, y1=0.2, x2=0.5, y2=0.6, source="test")
    frame = frame.assign(**{name: flags.get(name, False) for name in ["is_group_of", "is_crowd", "is_depiction"]})
    return check(frame, ANNOTATIONS, where="test")


def class_table() -> pd.DataFrame:
    return pd.DataFrame({"class_id": CLASS_IDS, "name": [c.upper() for c in CLASS_IDS], "num_train_images": 0})


def rules(**changes) -> OhmsDataset:
    return OhmsDataset(**{"source": "ohms", "of": "base", "min_images_per_class": 2, **changes})


def select(rows: Rows, chosen: OhmsDataset, **flags: list[bool]):
    """The subset, or None if the rules leave nothing."""
    try:
        return select_ohms(annotations(rows, **flags), class_table(), chosen)
    except ValueError:
        return None


def labels_by_image(rows: Rows, split: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for image, class_id, of_split in rows:
        if of_split == split:
            found.setdefault(image, set()).add(class_id)
    return found


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


def kept_labels(subset, split: str) -> dict[str, set[str]]:
    boxes = subset.boxes[subset.boxes["split"] == split]
    return {str(image): set(group) for image, group in boxes.groupby("image_id")["class_id"]}


def test_hand_worked_case_takes_three_passes():
    # d is common only through image 4, which falls when c does.
    rows = [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"), ("3", "c"), ("3", "d"), ("4", "d"), ("4", "e")]
    subset = select_ohms(annotations([(i, c, "train") for i, c in rows]), class_table(), rules())
    assert subset.images["image_id"].tolist() == ["1", "2"]
    assert subset.classes.to_dict("list") == {"class_id": ["a", "b"], "name": ["A", "B"], "num_train_images": [2, 2]}
    assert [(step["num_images"], step["num_classes"]) for step in subset.summary["steps"]] == [
        (4, 5),  # a: boxes
        (4, 5),  # b: two classes
        (4, 3),  # c: a, b, d
        (2, 3),  # strict: only a with b
        (2, 2),  # c again: d is gone
        (2, 2),
        (2, 2),
    ]


def test_a_class_is_counted_by_images_and_not_by_boxes():
    rows = [("1", "a", "train")] * 5 + [("1", "b", "train"), ("2", "b", "train"), ("2", "c", "train")]
    assert select(rows, rules()) is None  # a has 5 boxes, in one image


def test_classes_are_counted_after_images_of_one_class_are_dropped():
    rows = [("1", "a", "train"), ("2", "a", "train"), ("3", "a", "train"), ("3", "b", "train"), ("4", "b", "train")]
    assert select(rows, rules()) is None


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


SMALL: Rows = [(image, c, "train") for image in "123" for c in "ab"] + [("1", "f", "train")]


def test_the_first_test_images_are_those_by_sorted_id_wherever_they_stand():
    held_out = [(image, c, "test") for image in ("t9", "t10", "t2", "t5") for c in "ab"]
    subset = select_ohms(annotations(SMALL + held_out), class_table(), rules(max_test_images=3))
    assert subset.images.loc[subset.images["split"] == "test", "image_id"].tolist() == ["t10", "t2", "t5"]


def test_raw_labels_keep_classes_that_are_not_common_and_restricted_ones_do_not():
    held_out = [("t1", c, "test") for c in "abef"]
    raw = select_ohms(annotations(SMALL + held_out), class_table(), rules(labels="raw"))
    restricted = select_ohms(annotations(SMALL + held_out), class_table(), rules())
    assert raw.classes["class_id"].tolist() == ["a", "b", "f"]
    assert kept_labels(raw, "test") == {"t1": {"a", "b", "f"}}  # e is on no training image
    assert kept_labels(restricted, "test") == {"t1": {"a", "b"}}


@pytest.mark.parametrize(("option", "flag"), [("drop_group_of", "is_group_of"), ("drop_depiction", "is_depiction")])
def test_flagged_boxes_take_part_unless_they_are_dropped(option, flag):
    flagged = [image == "1" for image, _, _ in SMALL]
    assert len(select(SMALL, rules(), **{flag: flagged}).images) == 3
    assert select(SMALL, rules(**{option: True}), **{flag: flagged}).images["image_id"].tolist() == ["2", "3"]


def test_images_of_a_single_class_and_of_several_are_subsets_of_their_own():
    rows = [("1", "a"), ("1", "a"), ("2", "b"), ("3", "a"), ("3", "b"), ("4", "a"), ("4", "b"), ("4", "c")]
    boxes = annotations(
        [(i, c, "train") for i, c in rows] + [("t1", "a", "test"), ("t2", "a", "test"), ("t2", "c", "test")]
    )
    limits = {"min_images_per_class": 1, "min_classes_per_image": 1, "max_classes_per_image": 1}
    single = select_ohms(boxes, class_table(), rules(**limits))
    # t2 shows one kept class, but two classes: it is no image of a single class.
    assert single.images["image_id"].tolist() == ["t1", "1", "2"]
    assert single.summary["steps"][1] == {
        "rule": "b: images with >= 1 and <= 1 classes",
        "num_images": 2,
        "num_classes": 3,
    }
    several = select_ohms(boxes, class_table(), rules(min_images_per_class=1))
    assert several.images["image_id"].tolist() == ["t2", "3", "4"]


def test_a_largest_number_of_classes_below_the_least_is_refused():
    with pytest.raises(ValueError, match="max_classes_per_image 1 must not be below min_classes_per_image 2"):
        rules(max_classes_per_image=1)


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


def test_a_sample_is_seeded_and_its_classes_are_recounted():
    rows = [(str(image), c, "train") for image in range(40) for c in "ab"]
    first, again, other = (
        select_ohms(annotations(rows), class_table(), rules(max_train_images=10, min_images_per_class=30, seed=seed))
        for seed in (0, 0, 1)
    )
    assert first.images["image_id"].tolist() == again.images["image_id"].tolist() != other.images["image_id"].tolist()
    assert [(step["num_images"], step["num_classes"]) for step in first.summary["steps"][-2:]] == [(10, 2), (10, 0)]
    reversed_ = select_ohms(annotations(rows[::-1]), class_table(), rules(max_train_images=10, min_images_per_class=30))
    assert reversed_.images["image_id"].tolist() == first.images["image_id"].tolist()


def test_a_class_that_the_sample_does_not_show_is_nowhere():
    # a and b are on 30 images, c and d on 2: a sample of 1 shows one pair alone.
    rows = [
        (f"{n}{pair}", c, "train") for n, pair in [(n, "ab") for n in range(30)] + [(0, "cd"), (1, "cd")] for c in pair
    ]
    rows += [("v", c, "validation") for c in "abcd"]
    subset = select_ohms(annotations(rows), class_table(), rules(max_train_images=1))
    assert len(subset.classes) == 2
    assert set(subset.boxes["class_id"]) == set(subset.classes["class_id"])


def test_the_summary_counts_each_split_beside_the_paper():
    rows = [*SMALL, ("1", "a", "train"), ("v", "a", "validation"), ("v", "b", "validation")]
    summary = select_ohms(annotations(rows), class_table(), rules()).summary
    assert summary["splits"]["train"] == {
        "num_images": 3,
        "num_classes": 2,
        "num_boxes": 7,
        "boxes_per_image": 7 / 3,
        "min_images_per_class": 3,
        "max_images_per_class": 3,
    }
    assert summary["splits"]["validation"]["num_images"] == 1
    assert (summary["paper"]["num_images"], summary["paper"]["num_classes"]) == (212_753, 208)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (rules(min_classes_per_image=4), r"'b: images with >= 4 classes' leaves nothing of 3 training images"),
        (rules(min_images_per_class=900), r"'c: classes with >= 900 images' .* the most common class has 3 images"),
    ],
)
def test_rules_that_leave_nothing_are_named_with_the_counts_before(chosen, message):
    with pytest.raises(ValueError, match=message):
        select_ohms(annotations(SMALL), class_table(), chosen)


def test_boxes_without_a_training_split_are_refused():
    with pytest.raises(ValueError, match="no training boxes"):
        select_ohms(annotations([("1", "a", "test")]), class_table(), rules())
