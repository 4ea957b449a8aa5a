"""Sentences on what the intervals of a table are over; where they are over several things, which rows have which."""

from collections.abc import Iterable

from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.intervals import Over, reach

OF_ROWS: dict[Over, str] = {
    "seeds": "over {seeds} seeds (Student's t, {reach:.1f} deviations each way), the test images taken as they are",
    "images": "over the test images (bootstrap); how far another seed would be is not in it",
}
OF_DIFFERENCES: dict[Over, str] = {
    "seeds": "over {seeds} pairs of runs of one seed, which share initial weights and random views as far as their settings "
    "do (Student's t, {reach:.1f} deviations each way)",
    "images": "over the test images (bootstrap)",
    "paired images": "over the test images that its rows share (paired bootstrap); how far another seed would be is not in it",
    "independent rows": "over the test images as if its rows were independent, wide for rows of the same images (MOVER)",
}


def interval_notes(filled: FilledTable) -> list[str]:
    """Return a sentence for each thing that intervals are over, and one on those of differences to the paper."""
    sentences = [
        *_sentences(filled, "In brackets: 95% interval", OF_ROWS, is_difference=False),
        *_sentences(filled, "Of a difference of rows: 95% interval", OF_DIFFERENCES, is_difference=True),
    ]
    if any(cell.over_paper_interval for cells in filled.cells for cell in cells):
        sentences.append(
            "Difference: measured minus paper, with the interval of what was measured; the paper states none."
        )
    return sentences


def _sentences(filled: FilledTable, start: str, texts: dict[Over, str], *, is_difference: bool) -> Iterable[str]:
    places: dict[Over, dict[str, list[str]]] = {}
    seeds = 0
    for row, cells in zip(filled.table.rows, filled.cells, strict=True):
        for column, cell in zip(filled.table.columns, cells, strict=True):
            if cell.interval is not None and cell.is_difference is is_difference:
                places.setdefault(cell.interval.over, {}).setdefault(row.label, []).append(column.label)
                seeds = max(seeds, len(cell.measured))
    for over, text in texts.items():
        if over in places:
            where = f" ({_listed(places[over], places)})" if len(places) > 1 else ""
            words = text.format(seeds=seeds, reach=reach(seeds) if seeds > 1 else 0)
            yield f"{start} {words}{where}."


def _listed(rows: dict[str, list[str]], places: dict[Over, dict[str, list[str]]]) -> str:
    """Return the rows, with their columns where a row has intervals over several things."""
    whole = [label for label in rows if sum(label in others for others in places.values()) == 1]
    return ", ".join(label if label in whole else f"{label}: {' and '.join(rows[label])}" for label in rows)
