"""Runs that inherit: a run is the settings of its parent overridden by its own."""

from collections.abc import Mapping
from typing import Any

MAX_SHOWN = 30
"""Names in a message, where none is like the one that was given."""


def overlay(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overridden by `top`: mappings are merged key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def resolve(runs: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Return the settings of run `name` with its whole line of `inherit` applied.

    Raises:
        ValueError: if a parent is unknown or the line runs in a circle.
    """
    line = [name]
    while (parent := runs[line[-1]].get("inherit")) is not None:
        if parent not in runs:
            raise ValueError(f"runs.{line[-1]}.inherit: there is no run {parent!r}{suggestion(str(parent), runs)}")
        if parent in line:
            raise ValueError(f"runs.{name}.inherit: runs in a circle, {' -> '.join([*line, parent])}")
        line.append(parent)
    settings: dict[str, Any] = {}
    for member in reversed(line):
        settings = overlay(settings, {key: value for key, value in runs[member].items() if key != "inherit"})
    return settings


def suggestion(name: str, names: Mapping[str, Any] | list[str]) -> str:
    """Return a hint at the one of `names` that is most similar to `name`, or the list of all."""
    import difflib

    lower = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), list(lower), n=1)
    if close:
        return f"; did you mean {lower[close[0]]!r}?"
    shown = ", ".join(list(names)[:MAX_SHOWN]) + (
        f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    )
    return f"; there are: {shown}" if names else "; there are none"
