"""The image index of a data set, in plain words."""

from collections.abc import Mapping
from typing import Any

_UPRIGHT = "1"
_MAX_REASONS = 3


def describe_images(name: str, index: Mapping[str, Any]) -> str:
    """A sentence on the images of a data set: how many, of which modes, how many rotated by EXIF, which left out and why.

    Args:
        name: of the data set.
        index: what `index_images` writes to unreadable.json.
    """
    parts = [f"{name}: {index['num_readable']:,} images"]
    if index["modes"]:
        parts.append(", ".join(f"{count:,} {mode}" for mode, count in index["modes"].items()))
    rotated = sum(count for orientation, count in index["orientations"].items() if orientation != _UPRIGHT)
    if rotated:
        parts.append(f"{rotated:,} rotated or mirrored as their EXIF orientation says")
    if num_mismatched := len(index["mismatched"]):
        parts.append(f"{num_mismatched:,} of another size than the annotations state, left out")
    return f"{'; '.join(parts)}; {_left_out(index)}."


def _left_out(index: Mapping[str, Any]) -> str:
    unreadable = index["unreadable"]
    if not unreadable:
        return "none unreadable"
    reasons = [f"{row['path']} ({row['reason']})" for row in unreadable[:_MAX_REASONS]]
    more = ["and others"] if len(unreadable) > _MAX_REASONS else []
    return f"{len(unreadable):,} unreadable and left out: {', '.join(reasons + more)}"
