"""The page that lists all benchmarks: the key figure of each in its long and its short form, and where these are from."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from results_parts.cells import number
from results_parts.document import bullet, grid, wrapped
from results_parts.key_figures import KEYS
from results_parts.short_forms import LEFT_OUT, SHORT

ABOUT = (
    "`make bench` runs every benchmark of the CPU in a short form and writes this page; long forms are run one by one, "
    "`python benchmarks/NAME.py`, and have a page each. Short forms show that a benchmark runs and how large its figure is; "
    "they repeat less and measure smaller sizes, so that their figures may differ."
)


def benchmarks_page(titles: Mapping[str, str], folder: Path) -> str:
    """Return the page.

    Args:
        titles: of benchmarks by name.
        folder: benchmarks/results; `short` in it holds the short forms.
    """
    found = {
        name: {form: _read(place / f"{name}.json") for form, place in (("long", folder), ("short", folder / "short"))}
        for name in SHORT
    }
    rows = [
        [_link(name, titles[name], of), KEYS[name].what, *(_figure(name, of[form]) for form in of)]
        for name, of in found.items()
    ]
    lines = ["# Benchmarks", "", "Made by `python benchmarks/write_results.py`; do not edit.", "", *wrapped(ABOUT), ""]
    lines += [*grid(["benchmark", "key figure", "long form", "short form"], rows), "", *wrapped(_minutes(found)), ""]
    lines += ["## Where the figures are from", ""]
    lines += [line for name, of in found.items() for line in _origins(name, of)]
    lines += ["", "## Not run by `make bench`", ""]
    lines += [line for name, reason in LEFT_OUT.items() for line in bullet(f"`{name}.py`: {reason}")]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _link(name: str, title: str, forms: Mapping[str, Any]) -> str:
    return f"[{title}]({name}.md)" if forms["long"] else title


def _figure(name: str, result: Mapping[str, Any] | None) -> str:
    return "" if result is None else f"{number(KEYS[name].read(result), 3)} {KEYS[name].unit}".strip()


def _minutes(found: Mapping[str, Mapping[str, Any]]) -> str:
    took = {name: of["short"]["took"] for name, of in found.items() if of["short"] and "took" in of["short"]}
    wall, processor = (sum(one[kind] for one in took.values()) for kind in ("wall_min", "processor_min"))
    shares = sum(form.minutes for name, form in SHORT.items() if name not in took)
    measured = (
        f"{len(took)} of {len(SHORT)} short forms were timed: {wall:.1f} minutes, {processor:.1f} of the processor."
    )
    if not took:
        return f"No short form was timed yet; their shares are {shares:.1f} minutes together, which is an estimate."
    return measured + (f" The others have a share of {shares:.1f} minutes, which is an estimate." if shares else "")


def _origins(name: str, forms: Mapping[str, Mapping[str, Any] | None]) -> Iterator[str]:
    for form, result in forms.items():
        if result is None:
            continue
        words = [f"`{result['command']}`", f"commit {result.get('commit') or 'not recorded'}", result["machine"]]
        if "took" in result:
            words.append(f"{result['took']['wall_min']} minutes, {result['took']['processor_min']} of the processor")
        yield from bullet(f"{name}, {form}: " + "; ".join(words) + ".")
