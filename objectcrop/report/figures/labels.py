"""Names beside the ends of curves: no legend to go back and forth to."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from objectcrop.report.figures.folder import TEXT_PT

LINE_PT = 1.25 * TEXT_PT
WRAP = 17
"""Letters of a line."""


class End(NamedTuple):
    """Where a curve ends: its name, its colour, and its last point in data units."""

    name: str
    color: str
    x: float
    y: float


def label_ends(panel: Any, ends: Sequence[End]) -> None:
    """Write names right of the panel, each as near to the end of its curve as the others allow.

    A dot ends the curve, and a dotted line joins it to its name: neither is taken for data.

    Call it when the limits of the axes are final.
    """
    height_pt = panel.bbox.height * 72 / panel.figure.dpi
    wrapped = [textwrap.wrap(end.name, WRAP) for end in ends]
    low, high = panel.get_ylim()
    wanted = [(end.y - low) / (high - low) * height_pt for end in ends]
    heights = [LINE_PT * len(lines) for lines in wrapped]
    for end, lines, place in zip(ends, wrapped, spread(wanted, heights), strict=True):
        panel.plot([end.x], [end.y], "o", color=end.color, markersize=3.5, clip_on=False)
        panel.annotate(
            "\n".join(lines),
            xy=(end.x, end.y),
            xytext=(1.09, place / height_pt),
            textcoords="axes fraction",
            va="center",
            linespacing=1.05,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": end.color,
                "linewidth": 1.1,
                "linestyle": ":",
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Return centres as near to the wanted ones as may be, in their order, such that no two of these heights overlap.

    Neighbours that overlap are moved apart around their mean (pool adjacent violators, which least squares asks for).
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    # of a centre minus what is below it, order alone is asked for
    below, tops = [], 0.0
    for place in order:
        below.append(tops + heights[place] / 2)
        tops += heights[place]
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(order, below, strict=True):
        mean, count = wanted[place] - offset, 1
        while blocks and blocks[-1][0] > mean:
            former, many = blocks.pop()
            mean, count = (former * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    starts = [mean for mean, count in blocks for _ in range(count)]
    centres = dict(zip(order, (start + offset for start, offset in zip(starts, below, strict=True)), strict=True))
    return [centres[place] for place in range(len(wanted))]
