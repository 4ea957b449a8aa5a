"""Tables as the page shows them: each measured value with its interval, its verdict, and how it was made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from objectcrop.report.page.answer import in_words
from objectcrop.report.page.making import anchors_of
from objectcrop.report.tables.contrasts import Verdict, contrasts_of, judged_column
from objectcrop.report.tables.costs import HEADING, hours_text
from objectcrop.report.tables.faults import Fault, Footnotes
from objectcrop.study.jobs.report import ReportJob
from objectcrop.study.settings.tables import Column, Table

NOTHING = "–"


class ShownCell(NamedTuple):
    """What stands in a cell.

    Attributes:
        text: value, or a dash.
        below: its interval.
        value: that the column is sorted by; None comes last.
        made: anchors of how the value was made.
        verdict: whether it differs from the row that it is compared with.
    """

    text: str
    below: str = ""
    value: float | None = None
    made: tuple[str, ...] = ()
    verdict: Verdict | None = None


class ShownTable(NamedTuple):
    """A table: headings of all columns but the first, rows as (label, cells), sentences below."""

    name: str
    title: str
    paper_table: str | None
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShownCell, ...]], ...]
    compared: tuple[str, ...]
    notes: tuple[str, ...]


class _Noted(NamedTuple):
    faults: tuple[Fault, ...]


def shown_table(job: ReportJob, name: str, table: Mapping[str, Any]) -> ShownTable:
    """Return a table as the page shows it.

    Args:
        job: what the study is.
        name: of the table.
        table: as `rendering.as_json` gives it.
    """
    spec, cells = job.tables[name], [row["cells"] for row in table["rows"]]
    footnotes = Footnotes(*_published(cells))
    verdicts = [
        {one.row: one.verdict for one in contrasts_of(table, place, job.crops, job.methods)}
        for place in range(len(spec.columns))
    ]
    hours = any(row["gpu_hours"] is not None for row in table["rows"])
    rows = []
    for row in table["rows"]:
        shown: list[ShownCell] = []
        for place, (column, cell) in enumerate(zip(spec.columns, row["cells"], strict=True)):
            made = anchors_of(spec, row["label"], column)
            shown += _cells(cell, column, made, verdicts[place].get(row["label"]), _marks(footnotes, cell, place))
        label = f"{row['label']} †" if row.get("reduced_budget") else row["label"]
        rows.append((label, (*shown, *([_hours(row["gpu_hours"])] if hours else []))))
    headings = (*_headings(spec, footnotes), *([HEADING] if hours else []))
    compared = tuple(_compared(job, name, table))
    return ShownTable(
        name, table["title"], table["paper_table"], headings, tuple(rows), compared, tuple(table["notes"])
    )


def _compared(job: ReportJob, name: str, table: Mapping[str, Any]) -> Iterator[str]:
    column = judged_column(table)
    if column is not None:
        digits = job.tables[name].columns[column].decimals
        yield from (in_words(one, digits) for one in contrasts_of(table, column, job.crops, job.methods))


def _headings(spec: Table, footnotes: Footnotes) -> Iterator[str]:
    for place, column in enumerate(spec.columns):
        yield column.label
        if column.paper_metric is not None:
            yield f"{column.label}, paper{footnotes.of_heading(place)}"
            yield "difference to the paper"


def _cells(
    cell: Mapping[str, Any], column: Column, made: tuple[str, ...], verdict: Verdict | None, marks: str
) -> Iterator[ShownCell]:
    yield _measured(cell, column.decimals, made, verdict)
    if column.paper_metric is not None:
        paper, over = cell["paper"], cell["difference"]
        sign = "+" if cell["is_difference"] else ""
        yield ShownCell(NOTHING if paper is None else f"{paper:{sign}g}{marks}", value=paper)
        ends = _brackets(cell.get("difference_interval"), f"+.{column.decimals}f")
        yield ShownCell("" if over is None else f"{over:+.{column.decimals}f}", ends, over)


def _measured(cell: Mapping[str, Any], digits: int, made: tuple[str, ...], verdict: Verdict | None) -> ShownCell:
    if cell["mean"] is None:
        is_quoted = cell["paper"] is not None and not cell["is_difference"]
        return ShownCell("quoted" if is_quoted else NOTHING)
    form = f"{'+' if cell['is_difference'] else ''}.{digits}f"
    spread = "" if cell["deviation"] is None else f" ± {cell['deviation']:.{digits}f}"
    stale = " (stale)" if cell["stale"] else ""
    text = f"{cell['mean']:{form}}{spread}{stale}"
    return ShownCell(text, _brackets(cell["interval"], form), cell["mean"], made, verdict)


def _brackets(interval: Sequence[float] | None, form: str) -> str:
    return "" if interval is None else f"({' to '.join(f'{end:{form}}' for end in interval)})"


def _hours(hours: float | None) -> ShownCell:
    return ShownCell(hours_text(hours), value=hours)


def _published(cells: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[list[list[_Noted]], list[list[bool]]]:
    return [[_noted(cell) for cell in row] for row in cells], [
        [cell["paper"] is not None for cell in row] for row in cells
    ]


def _noted(cell: Mapping[str, Any]) -> _Noted:
    return _Noted(tuple(Fault(number, "", ()) for number in cell["faults"]))


def _marks(footnotes: Footnotes, cell: Mapping[str, Any], place: int) -> str:
    return footnotes.of_cell(_noted(cell), place)
