"""Drawn views, one sheet for each way of cropping."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from objectcrop.study.settings.views import Region

REGIONS: dict[Region, str] = {
    "scene": "the whole scene",
    "object": "an object",
    "dilated_object": "an object, dilated",
    "shifted_object": "an object, shifted",
    "random_box": "a random box",
    "whole_image": "the image, not cropped",
}


class ViewGroup(NamedTuple):
    """A way of cropping: in words, the runs that crop so, and the sheet of the first of them as PNG bytes."""

    cropped: str
    runs: tuple[str, ...]
    png: bytes


def group_views(sheets: Mapping[str, bytes], summaries: Sequence[Mapping[str, Any]]) -> list[ViewGroup]:
    """Return sheets by way of cropping: runs that crop in one way, with different losses, need one sheet.

    Args:
        sheets: PNG bytes by run.
        summaries: of the runs, whose settings say how they crop; a run without one is a way of its own.
    """
    settings = {str(summary["run"]): summary.get("settings", {}).get("views") for summary in summaries}
    groups: dict[str, list[str]] = {}
    for run in sheets:
        views = settings.get(run)
        groups.setdefault(run if views is None else repr(sorted(views.items())), []).append(run)
    return [
        ViewGroup(_words(settings.get(runs[0])) or runs[0], tuple(runs), sheets[runs[0]]) for runs in groups.values()
    ]


def _words(views: Mapping[str, Any] | None) -> str:
    if views is None:
        return ""
    first, second = (REGIONS[region] for region in views["regions"])
    boxes = f"; boxes: {views['proposals']}" if views["proposals"] is not None else ""
    return f"{first} and {second}{boxes}".capitalize()
