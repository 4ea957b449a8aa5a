"""A page as HTML: one file that needs nothing beside it, runs no script but its own, and can be read without that."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from objectcrop.report.page.content import Content

ROOM = Path(__file__).parent
VERDICTS = {
    "above": ("▲", "above its control"),
    "below": ("▼", "below its control"),
    "unclear": ("≈", "no difference can be seen"),
    "unknown": ("", ""),
}
"""Sign and words."""


def render_page(content: Content) -> str:
    """Return the page of a study."""
    return render("page.html", content=content)


def render(template: str, **values: Any) -> str:
    """Return a page made from a template of this room: inline style and script, images as data, nothing fetched.

    The Content-Security-Policy lets just this style and this script be used, by their SHA-256.
    """
    environment = Environment(
        loader=PackageLoader("objectcrop.report.page", "."),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "png": png_data,
        "svg": svg_data,
        "duration": duration,
    }
    environment.filters["decimals"] = decimals
    style, script = ((ROOM / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src {source_hash(style)}; script-src {source_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template(template)
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704 (our own files; what is measured is escaped)
    return page.render(**own, policy=policy, verdicts=VERDICTS, **values)


def source_hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline style or script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


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


def percent(share: float | None) -> str:
    """A share of 0 to 1 in percent; a dash if there is none."""
    return "–" if share is None else f"{100 * share:.1f}%"


def decimals(value: float, digits: int, is_signed: bool = False) -> str:
    """A number with so many digits after the point."""
    return f"{round(value, digits) + 0.0:{'+' if is_signed else ''}.{digits}f}"  # of -0.0 it makes 0.0


def duration(seconds: float) -> str:
    """A time for people: seconds, minutes from two on, hours from two on."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"
