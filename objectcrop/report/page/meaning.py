"""What a study of its length can and cannot show, in plain words, with its own numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

PAPER_PAIRS = 42_550_600
"""Pairs of the paper's OHMS runs: 212,753 images, 200 epochs."""
SHORT_SHARE = 0.1


def meaning(summaries: Sequence[Mapping[str, Any]], num_seeds: int, has_random_boxes: bool) -> list[str]:
    """Return sentences for the report.

    Args:
        summaries: summaries of the pretraining runs.
        num_seeds: seeds that every run is repeated with.
        has_random_boxes: whether some run draws its views from random boxes of the proposals' sizes.
    """
    images_seen = [int(summary["cost"]["images_seen"]) for summary in summaries if summary["cost"]["images_seen"]]
    if not images_seen:
        return ["Nothing was trained in this study."]
    longest = max(images_seen)
    share = longest / PAPER_PAIRS
    sentences = [
        f"The longest run saw {longest:,} images; a run of the paper on OHMS saw {PAPER_PAIRS:,} "
        f"({100 * share:.2g}% of it here)."
    ]
    if share < SHORT_SHARE:
        sentences += [
            "A run this short shows that every stage works and how each number is made.",
            "A difference within its interval shows nothing, and one beyond it holds for runs of this length: so early in training "
            "the order of methods says little about where they end.",
            f"The paper's numbers come from about {round(1 / share):,} times as many images seen, and from its own images and "
            "network: differences to them are printed to show the form of the table, not to be read.",
        ]
    if num_seeds == 1:
        sentences.append("Every run was made with one seed, so the spread between seeds is unknown.")
    if not has_random_boxes:
        sentences.append(
            "No run draws its views from random boxes of the same sizes. Object boxes also change the scale of the crops; "
            "without that baseline a gain over scene crops does not show that objects matter."
        )
    return sentences
