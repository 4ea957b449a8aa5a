"""The page that people read: one HTML file that needs nothing beside it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from objectcrop.report.subset_comparison import Comparison


@dataclass(frozen=True)
class Content:
    """What the page shows. Figures are file contents; everything else is what the rules' JSON files hold.

    Attributes:
        study: name, title, about, seeds, number of runs.
        runs: settings of each run that differ from the first one's, by name.
        meaning: sentences on what the study can show.
        tables: tables as `rendering.as_json` gives them, by name.
        curves: SVG texts by table name.
        classes: analyses of classes, by table name; each has a figure and worst images.
        class_figures: SVG texts of these.
        worst_images: PNG bytes of these.
        predictions: PNG bytes of what fine-tuned detectors found, by "run, task".
        summaries: summaries of the runs.
        subsets: summaries of subsets; each needs a comparison, and may have a figure.
        comparisons: of these with the paper, by data set.
        subset_figures: SVG texts of their figures, by data set.
        subset_words: sentences on these, by data set.
        proposals: summaries of proposals, by "data set, source".
        qualities: how well they find objects, by the same names.
        sheets: PNG bytes of contact sheets, by the same names.
        views: PNG bytes of drawn views, by run.
        images: sentences on the image index, one a data set.
        provenance: versions and commit.
        stale: sentences on files that are not what the study would make now.
    """

    study: Mapping[str, Any]
    runs: Mapping[str, str]
    meaning: Sequence[str]
    tables: Mapping[str, Mapping[str, Any]]
    curves: Mapping[str, str]
    summaries: Sequence[Mapping[str, Any]]
    subsets: Sequence[Mapping[str, Any]]
    proposals: Mapping[str, Mapping[str, Any]]
    qualities: Mapping[str, Mapping[str, Any]]
    sheets: Mapping[str, bytes]
    views: Mapping[str, bytes]
    images: Sequence[str]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    stale: Sequence[str] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    subset_figures: Mapping[str, str] = field(default_factory=dict)
    subset_words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    class_figures: Mapping[str, str] = field(default_factory=dict)
    worst_images: Mapping[str, bytes] = field(default_factory=dict)
    predictions: Mapping[str, bytes] = field(default_factory=dict)


def render_page(content: Content) -> str:
    """The HTML text: inline style, images as data, no script, nothing fetched."""
    environment = Environment(
        loader=PackageLoader("objectcrop.report", "."),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["share"] = share
    style = (Path(__file__).with_name("page.css")).read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        content=content,
        style=Markup(style),  # noqa: S704 (our own file; what is measured is escaped)
        sheets={name: png_data(data) for name, data in content.sheets.items()},
        views={name: png_data(data) for name, data in content.views.items()},
        curves={name: svg_data(text) for name, text in content.curves.items()},
        class_figures={name: svg_data(text) for name, text in content.class_figures.items()},
        worst_images={name: png_data(data) for name, data in content.worst_images.items()},
        predictions={name: png_data(data) for name, data in content.predictions.items()},
        subset_figures={name: svg_data(text) for name, text in content.subset_figures.items()},
    )


def png_data(data: bytes) -> str:
    """A PNG as a data address."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def svg_data(text: str) -> str:
    """An SVG as a data address: as an image it cannot run anything."""
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


def number(value: float | None) -> str:
    """A number for people: thousands apart, three significant digits below that."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float | None, interval: Sequence[float] | None) -> str:
    """A share of 0 to 1 in percent, with its interval in brackets; a dash if there is none."""
    if value is None:
        return "–"
    ends = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval is not None else ""
    return f"{100 * value:.1f}%{ends}"


def differences(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return each run's settings that differ from the first run's, as `path = value`; the first run's in words."""
    flat = {name: _flat(settings) for name, settings in runs.items()}
    names = list(flat)
    if not names:
        return {}
    base = flat[names[0]]
    texts = {names[0]: f"method = {base['method']}, data set = {base['dataset']}"}
    for name in names[1:]:
        parts = [f"{key} = {value}" for key, value in flat[name].items() if base.get(key) != value]
        texts[name] = ", ".join(parts) or "the same"
    return texts


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
