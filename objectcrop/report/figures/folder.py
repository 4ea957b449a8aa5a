"""A folder of figures: each as SVG and PNG, and an index of what they ask and show."""

import io
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure as Drawing

from objectcrop.runtime.atomic import read_json, write_json

# Okabe and Ito's palette: distinct with any colour vision
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
WIDTH_IN = 3.7
"""Width of a phone's column: at this width letters of 10 points are 10 points on every screen and on paper."""
TEXT_PT = 10
PNG_DPI = 220
INDEX = "index.json"
STYLE = {
    "font.size": TEXT_PT,
    "axes.titlesize": TEXT_PT,
    "axes.labelsize": TEXT_PT,
    "xtick.labelsize": TEXT_PT,
    "ytick.labelsize": TEXT_PT,
    "legend.fontsize": TEXT_PT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": "#1c1c1c",
    "text.color": "#1c1c1c",
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "svg.hashsalt": "objectcrop",
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn, and not yet written.

    Attributes:
        name: of its files.
        question: that it answers; its heading.
        caption: how to read it, and what it shows.
        alt: the same for those who cannot see it.
        drawn: of matplotlib, in `STYLE`.
    """

    name: str
    question: str
    caption: str
    alt: str
    drawn: Any


class ShownFigure(NamedTuple):
    """A figure as it was written: `svg` is the text of its file."""

    name: str
    question: str
    caption: str
    alt: str
    svg: str


def new_figure(height_in: float) -> tuple[Any, Any]:
    """Return an empty figure of a column's width, and its panel; call it in `rc_context(STYLE)`."""
    drawing = Drawing(figsize=(WIDTH_IN, height_in), layout="constrained")
    return drawing, drawing.subplots()


def write_figures(folder: Path, figures: Iterable[Figure]) -> None:
    """Write NAME.svg and NAME.png of each, and the index; the folder appears whole, in place of a former one.

    The same numbers give the same bytes.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    aside.mkdir(parents=True)
    try:
        index = []
        for figure in figures:
            (aside / f"{figure.name}.svg").write_text(as_svg(figure.drawn), encoding="utf-8")
            figure.drawn.set_layout_engine("none")  # its parts are in place
            # the version of a library is no part of the figure
            figure.drawn.savefig(aside / f"{figure.name}.png", dpi=PNG_DPI, metadata={"Software": None})
            index.append({part: getattr(figure, part) for part in ("name", "question", "caption", "alt")})
        write_json(aside / INDEX, index)
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_figures(folder: Path) -> list[ShownFigure]:
    """Return the figures of a folder, in order."""
    return [
        ShownFigure(**entry, svg=(folder / f"{entry['name']}.svg").read_text(encoding="utf-8"))
        for entry in read_json(folder / INDEX)
    ]


def as_svg(figure: Any) -> str:
    """Return a figure as SVG with letters that can be searched, without a background."""
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return buffer.getvalue()
