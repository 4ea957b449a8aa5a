"""What the figures of a subset show, in plain words with its own numbers."""

from collections.abc import Mapping
from typing import Any


def describe_objects(statistics: Mapping[str, Any]) -> list[str]:
    """Sentences that belong below the figures.

    Args:
        statistics: what `measure_subset` writes to statistics.json.
    """
    name, counts, base = statistics["dataset"], statistics["subset_counts"], statistics["base_counts"]
    sentences = [
        f"{name} (blue) has {counts['num_images']:,} training images of the {base['num_images']:,} of "
        f"{statistics['base']} (orange) that have annotations.",
        _spread(name, counts["images_per_class"]),
    ]
    if not counts["num_boxes"]:
        return [*sentences, f"{name} has labels of whole images only, so there are no objects to measure."]
    objects, most = _objects(counts)
    sentences += [
        f"An image shows {objects:.1f} boxes on average, at most {most}; in {statistics['base']} {_objects(base)[0]:.1f}.",
        f"Half of the boxes cover less than {_percent(counts['median_area_share'])} of their image; in "
        f"{statistics['base']} less than {_percent(base['median_area_share'])}.",
        f"The middle quarter of the image (a square of half its width and height) holds "
        f"{_percent(_middle_share(counts))} of the box centres; evenly placed ones would be 25%.",
    ]
    labels_only = counts["num_images"] - sum(counts["objects_per_image"]["images"])
    if labels_only:
        sentences.append(f"{labels_only:,} of its images have labels without boxes and count for the classes only.")
    return sentences


def _spread(name: str, images: list[int]) -> str:
    most, fewest = images[0], images[-1]
    return (
        f"The most common of its {len(images):,} classes is in {most:,} images, the rarest in {fewest:,}: "
        f"{most / fewest:,.1f} times as many."
    )


def _objects(counts: Mapping[str, Any]) -> tuple[float, int]:
    """Return the mean and the largest number of boxes of the images that have some."""
    histogram = counts["objects_per_image"]
    return counts["num_boxes"] / max(1, sum(histogram["images"])), max(histogram["objects"], default=0)


def _middle_share(counts: Mapping[str, Any]) -> float:
    rows, quarter = counts["centres"]["boxes"], counts["centres"]["grid"] // 4
    middle = sum(sum(row[quarter:-quarter]) for row in rows[quarter:-quarter])
    return float(middle / counts["num_boxes"])


def _percent(share: float | None) -> str:
    if share is None:
        return "an unknown share"
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"
