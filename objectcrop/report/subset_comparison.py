"""A subset beside what the paper's text says of OHMS: the numbers, the differences, and why they differ.

Facts about the release: 576 classes, a test list of about 40,000 images. Decision 0001 has the reading of the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectcrop.ohms import PAPER

PAPER_TEST_IMAGES = 40_000
PAPER_MIN_IMAGES, PAPER_MIN_CLASSES = 900, 2
RELEASED_CLASSES = 576
OPEN_IMAGES_TRAIN = 1_743_042
"""Training images of Open Images that have boxes, V4 and later."""
WHOLE_SHARE = 0.9
"""From this share of them on, the selection is taken to be made from all of Open Images; dropped kinds of boxes lose a few."""
CLOSE = 0.05
"""A relative difference to an approximate number of the paper up to which the two agree."""

_ROWS = {
    "num_images": "training images",
    "num_classes": "classes",
    "boxes_per_image": "boxes an image",
    "min_images_per_class": "fewest images a class",
    "max_images_per_class": "most images a class",
}
_EXACT = ("num_images", "num_classes")


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes:
        label: what is counted.
        measured: None if there is none.
        paper: what the text says.
        is_about: whether the text says "about".
        difference: measured less paper, and their ratio; "–" if they cannot be compared.
    """

    label: str
    measured: float | None
    paper: float
    is_about: bool
    difference: str


@dataclass(frozen=True)
class Comparison:
    """Rows of a table, and sentences on them."""

    rows: tuple[Row, ...]
    sentences: tuple[str, ...]


def compare_with_paper(summary: Mapping[str, Any], base_source: str) -> Comparison:
    """Compare a subset's counts with the paper's.

    Args:
        summary: summary.json of a subset.
        base_source: `source` of the data set that it was selected from.
    """
    train = summary["splits"].get("train", {})
    test = summary["splits"].get("test", {}).get("num_images")
    off = _not_comparable(summary, base_source)
    values = [(label, train.get(key), PAPER[key], key not in _EXACT) for key, label in _ROWS.items()]
    values.append(("test images", test, PAPER_TEST_IMAGES, True))
    rows = tuple(Row(*value, "–" if off else _difference(value[1], value[2])) for value in values)
    return Comparison(rows, tuple(off if off else _reasons(summary, train, test)))


def _difference(measured: float | None, paper: float) -> str:
    if measured is None:
        return "–"
    digits = 0 if isinstance(measured, int) else 1
    return f"{measured - paper:+,.{digits}f} (× {measured / paper:.3g})"


def _not_comparable(summary: Mapping[str, Any], base_source: str) -> list[str]:
    """Why the comparison does not apply; empty if it does."""
    name, settings = summary["dataset"], summary["settings"]
    train = summary["splits"].get("train", {}).get("num_images", 0)
    if base_source != "openimages":
        return [
            f"The comparison does not apply: {name} was selected from {settings['of']}, which is {base_source} data and not Open "
            f"Images. Its {train:,} images show that the rules run, not what they leave of Open Images.",
            *_setting_reasons(settings),
        ]
    selected_from = summary["steps"][0]["num_images"]
    if settings["source"] != "released_ohms" and selected_from < WHOLE_SHARE * OPEN_IMAGES_TRAIN:
        return [
            f"The comparison does not apply: {name} was selected from {selected_from:,} boxed training images, "
            f"{100 * selected_from / OPEN_IMAGES_TRAIN:.2g}% of the {OPEN_IMAGES_TRAIN:,} of Open Images.",
            *_setting_reasons(settings),
        ]
    return []


def _reasons(summary: Mapping[str, Any], train: Mapping[str, Any], test: int | None) -> list[str]:
    settings = summary["settings"]
    of_source = _released_reasons if settings["source"] == "released_ohms" else _rule_reasons
    return [*of_source(settings, train), *_class_reasons(settings, train), *_test_reasons(settings, test)]


def _rule_reasons(settings: Mapping[str, Any], train: Mapping[str, Any]) -> list[str]:
    reasons = [*_setting_reasons(settings), *_image_reasons(settings, train)]
    boxes = train["boxes_per_image"]
    if not _close(boxes, PAPER["boxes_per_image"]):
        dropped = [
            words
            for key, words in {"drop_group_of": "group-of boxes", "drop_depiction": "boxes of depictions"}.items()
            if settings.get(key)
        ]
        dropped += ["boxes of dropped classes"] if settings.get("labels") == "restricted" else []
        left = f"; left out are {', '.join(dropped)}" if dropped else "; no box of a kept image is left out"
        reasons.append(f"An image has {boxes:.1f} boxes here and about {PAPER['boxes_per_image']} in the paper{left}.")
    return reasons


def _setting_reasons(settings: Mapping[str, Any]) -> list[str]:
    """Return sentences on the rules that are set otherwise than the paper says."""
    said = {
        "min_images_per_class": ("images a class must have", PAPER_MIN_IMAGES),
        "min_classes_per_image": ("classes an image must show", PAPER_MIN_CLASSES),
    }
    reasons = [
        f"{key} is {settings[key]:,}; the paper says {paper:,} {words}."
        for key, (words, paper) in said.items()
        if key in settings and settings[key] != paper
    ]
    most = settings.get("max_classes_per_image")
    if most is not None:
        reasons.append(
            f"max_classes_per_image is {most}: images of more classes are left out, which the paper does not do."
        )
    return reasons


def _image_reasons(settings: Mapping[str, Any], train: Mapping[str, Any]) -> list[str]:
    images, paper, limit = train["num_images"], PAPER["num_images"], settings.get("max_train_images")
    if limit is not None and images == limit:
        return [
            f"The number of images is that of max_train_images ({limit:,}), a random sample after the rules: it is set, not "
            "found, and says nothing on how the paper came to its number."
        ]
    if images == paper:
        return [f"The number of images is the paper's, {paper:,}."]
    match = f"match: {settings.get('match', 'strict')}"
    if images > paper:
        return [
            f"The three rules as the paper writes them ({match}) keep {images / paper:.2g} times as many images as its {paper:,}. "
            "It calls the subset balanced but names no further step; a sampling that it does not state is likely "
            "(decision 0001). max_train_images draws such a sample."
        ]
    return [
        f"The rules ({match}) keep {paper - images:,} images fewer than the paper's {paper:,}; with match: loose and no dropped "
        "boxes they keep more."
    ]


def _class_reasons(settings: Mapping[str, Any], train: Mapping[str, Any]) -> list[str]:
    classes, fewest = train["num_classes"], train["min_images_per_class"]
    reasons = []
    if settings["source"] == "released_ohms" or settings.get("labels") == "raw":
        reasons.append(
            f"Every class of the kept images counts here: {classes:,}. The authors' released lists have {RELEASED_CLASSES}; the "
            f"paper's {PAPER['num_classes']} are those that pass its minimum."
        )
    elif classes != PAPER["num_classes"]:
        reasons.append(f"{classes:,} classes reach the minimum here, {PAPER['num_classes']} in the paper.")
    minimum = settings.get("min_images_per_class", PAPER_MIN_IMAGES)
    if fewest < minimum:
        reasons.append(
            f"The rarest class has {fewest:,} images, fewer than the minimum of {minimum:,}: {_why_rare(settings)}."
        )
    return reasons


def _why_rare(settings: Mapping[str, Any]) -> str:
    causes = [
        ("the lists keep every class of their images", settings["source"] == "released_ohms"),
        ("labels: raw keeps every class of the kept images", settings.get("labels") == "raw"),
        ("the sample is drawn after the rule, and no class is dropped for it", bool(settings.get("max_train_images"))),
        ("fixpoint: false stops after one pass", settings.get("fixpoint") is False),
    ]
    return "; ".join(words for words, holds in causes if holds) or "the rule counts images that a later rule drops"


def _test_reasons(settings: Mapping[str, Any], test: int | None) -> list[str]:
    limit = settings.get("max_test_images", PAPER_TEST_IMAGES)
    if test is None:
        return ["There are no test images to compare."]
    if settings["source"] == "released_ohms" or test == PAPER_TEST_IMAGES:
        return []
    if limit is None or test == limit:
        return [
            f"max_test_images is {limit or 'null'}, which gives {test:,}; the release has about {PAPER_TEST_IMAGES:,}."
        ]
    return [f"Only {test:,} test images show enough of the kept classes; the release has about {PAPER_TEST_IMAGES:,}."]


def _released_reasons(settings: Mapping[str, Any], train: Mapping[str, Any]) -> list[str]:
    images, paper = train["num_images"], PAPER["num_images"]
    relation = "just as in the paper" if images == paper else f"where the paper has {paper:,}"
    reasons = [f"These are the authors' released lists, not our rules: {images:,} training images, {relation}."]
    if settings.get("train_boxes") is None and not train["num_boxes"]:
        reasons.append(
            "The lists in use have labels only, so boxes are not counted; train_boxes names the released boxes."
        )
    elif not _close(train["boxes_per_image"], PAPER["boxes_per_image"]):
        reasons.append(
            f"An image has {train['boxes_per_image']:.1f} boxes; the paper says about {PAPER['boxes_per_image']}."
        )
    return reasons


def _close(measured: float, paper: float) -> bool:
    return abs(measured - paper) <= CLOSE * paper
