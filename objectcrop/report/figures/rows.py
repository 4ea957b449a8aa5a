"""The rows of a table beside each other: mean, 95% interval and seeds of the column that they are compared by."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

from objectcrop.report.figures.folder import PALETTE, STYLE, TEXT_PT, Figure, new_figure
from objectcrop.report.tables.contrasts import control_of, judged_column, measured_cells
from objectcrop.study.jobs.report import FiguresJob

COLOURS = {
    "untrained": PALETTE[7],
    "external": PALETTE[7],
    "supervised": PALETTE[6],
    "scene": PALETTE[0],
    "objects": PALETTE[1],
    "random boxes": PALETTE[2],
    "boxes without a search": PALETTE[2],
}
"""By where crops come from."""
OVER = {"images": "the test images", "seeds": "seeds"}
ROW_IN = 0.4
ROWS = "rows"
"""Name of the figure."""


def row_figure(job: FiguresJob, table: Mapping[str, Any]) -> Figure | None:
    """Draw the rows that were measured; None if fewer than two were.

    Args:
        job: what the table asks for, and where the crops of its runs come from.
        table: as `rendering.as_json` gives it.
    """
    column = judged_column(table)
    if column is None:
        return None
    measured = measured_cells(table, column)
    spec = job.table.columns[column]
    control = control_of(table, column, job.crops)
    with matplotlib.rc_context(STYLE):
        drawn, panel = new_figure(0.75 + ROW_IN * len(measured))
        for place, (label, cell) in enumerate(measured.items()):
            colour = COLOURS[job.crops.get(cell["run"], "external")]
            _draw_row(panel, -place, label, cell, colour, spec.decimals)
            if control is not None:  # not through the labels
                panel.vlines(
                    measured[control]["mean"], -place - 0.25, -place + 0.12, color="#777777", linewidth=0.8, zorder=0
                )
        panel.set_ylim(-len(measured) + 0.6, 0.75)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_xlabel(spec.label)
        panel.locator_params(axis="x", nbins=5)
    return Figure(ROWS, job.table.title, _caption(measured, control), _alt(spec.label, measured), drawn)


def _draw_row(panel: Any, y: int, label: str, cell: Mapping[str, Any], colour: str, digits: int) -> None:
    if cell["interval"] is not None:
        panel.plot(cell["interval"], [y, y], color=colour, linewidth=2.4, alpha=0.55, solid_capstyle="butt")
    if len(cell["measured"]) > 1:
        panel.plot(cell["measured"], [y] * len(cell["measured"]), "o", color=colour, markersize=3, fillstyle="none")
    panel.plot([cell["mean"]], [y], "o", color=colour, markersize=6)
    above = {"xytext": (0, 0.55 * TEXT_PT), "textcoords": "offset points", "va": "bottom"}
    sides = panel.get_yaxis_transform()
    panel.annotate(label, xy=(0, y), xycoords=sides, ha="left", **above)
    panel.annotate(f"{cell['mean']:.{digits}f}", xy=(1, y), xycoords=sides, ha="right", fontweight="bold", **above)


def _caption(measured: Mapping[str, Mapping[str, Any]], control: str | None) -> str:
    seeds = max(len(cell["measured"]) for cell in measured.values())
    over = {OVER[cell.get("interval_over", "images")] for cell in measured.values() if cell["interval"]}
    lines = f"; lines: 95% interval over {' or '.join(sorted(over))}" if over else ""
    rings = f"; rings: {seeds} seeds" if seeds > 1 else "; one seed"
    strokes = f"; grey strokes: {control}" if control is not None else ""
    return f"Dots: mean{lines}{rings}{strokes}."


def _alt(heading: str, measured: Mapping[str, Mapping[str, Any]]) -> str:
    parts: Sequence[str] = [f"{label} {cell['mean']:.4g}" for label, cell in measured.items()]
    return f"{heading}: {'; '.join(parts)}."
