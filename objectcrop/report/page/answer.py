"""The first screen in words: what the study asks, and what its tables answer, with intervals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from objectcrop.report.tables.contrasts import (
    NOT_SEARCHED,
    Contrast,
    contrast,
    contrasts_of,
    judged_column,
    measured_cells,
)
from objectcrop.study.jobs.report import Crops, ReportJob

ABOUT_OBJECTS = "Do crops of objects give better features than crops of whole scenes?"
ONE_TRAINING = (
    "Every run was trained once: intervals are over test images, and say nothing of how another training would differ."
)
NOTHING_LEARNED = "Where nothing was learned, no way of cropping can be judged."
VERDICTS = {
    "above": "above, by more than the interval",
    "below": "below, by more than the interval",
    "unclear": "no difference can be seen",
    "unknown": "nothing can be said, as there is no interval",
}


class Answer(NamedTuple):
    """What the page begins with.

    Attributes:
        question: of the study.
        headline: the answer, in one sentence.
        sentences: that the headline is made from.
        elsewhere: one sentence for each other table.
        table: name of the table that the question is about; None if no table has two measured rows.
    """

    question: str
    headline: str
    sentences: tuple[str, ...]
    elsewhere: tuple[str, ...]
    table: str | None


class Judged(NamedTuple):
    """A table that has something to compare: the place of the column, and each row against its control."""

    name: str
    table: Mapping[str, Any]
    column: int
    digits: int
    contrasts: list[Contrast]


def answer_of(job: ReportJob, tables: Mapping[str, Mapping[str, Any]]) -> Answer:
    """Return the answer of a study: of its first table with object crops beside scene crops, else of its first table.

    Args:
        job: what the study is.
        tables: as `rendering.as_json` gives them, by name.
    """
    judged = [found for name, table in tables.items() if (found := _judged(job, name, table)) is not None]
    if not judged:
        return Answer("What did the study measure?", "No table has two measured rows to compare.", (), (), None)
    main = next((one for one in judged if _of_objects(one, job.crops)), judged[0])
    elsewhere = tuple(_elsewhere(one) for one in judged if one is not main)
    if objects := _of_objects(main, job.crops):
        boxes = list(_random_boxes(main, job))
        question, headline = ABOUT_OBJECTS, headline_on_objects(objects, main.digits) + _also_of_boxes(objects, boxes)
        sentences = [*_sentences([*objects, *boxes], main.digits), *_has_learned(main, job)]
    else:
        question = f"{main.table['title']}: which rows differ?"
        headline, sentences = _headline(main.contrasts), list(_sentences(main.contrasts, main.digits))
    if all(one.num_seeds == 1 for one in main.contrasts):
        sentences.append(ONE_TRAINING)
    if any(one.is_stale for one in main.contrasts):
        sentences.append("Some of these values are stale: not what the study would measure now.")
    return Answer(question, headline, tuple(sentences), elsewhere, main.name)


def in_words(one: Contrast, digits: int) -> str:
    """Return a sentence on a row and its control."""
    return f"{one.row} against {one.control}: {with_intervals(one, digits)}, {VERDICTS[one.verdict]}."


def with_intervals(one: Contrast, digits: int, unit: str = "") -> str:
    """Return a difference with the 95% intervals that are known of it."""
    intervals = ((one.of_images, "over test images"), (one.of_seeds, f"over {one.num_seeds} seeds"))
    known = [f"{low:+.{digits}f} to {high:+.{digits}f} {over}" for (low, high), over in _known(intervals)]
    brackets = f" ({'; '.join(known)})" if known else ""
    return f"{one.value:+.{digits}f}{unit}{brackets}"


def headline_on_objects(objects: Sequence[Contrast], digits: int) -> str:
    """Return what rows of object crops minus rows of scene crops say, in one sentence."""
    number, above = len(objects), [one for one in objects if one.verdict == "above"]
    below = [one for one in objects if one.verdict == "below"]
    if len(above) == number:
        if number == 1:
            return f"Yes, here: {with_intervals(above[0], digits, ' points')}."
        least, most = min(one.value for one in above), max(one.value for one in above)
        every = "both" if number == 2 else f"all {number}"
        return f"Yes, here: {least:+.{digits}f} to {most:+.{digits}f} points in {every} rows of object crops."
    if above and not below:
        return f"In part: {len(above)} of {_rows(number)} of object crops are above scene crops, none is below."
    if above:
        return f"It depends: {len(above)} of {_rows(number)} of object crops are above scene crops, {len(below)} are below."
    if below:
        return f"No, here: {len(below)} of {_rows(number)} of object crops are below scene crops, none is above."
    if all(one.verdict == "unknown" for one in objects):
        return "It cannot be said: there are no intervals to compare by."
    return "It cannot be said: no row of object crops differs from scene crops by more than its interval."


def _judged(job: ReportJob, name: str, table: Mapping[str, Any]) -> Judged | None:
    column = judged_column(table)
    if column is None:
        return None
    digits = job.tables[name].columns[column].decimals
    return Judged(name, table, column, digits, contrasts_of(table, column, job.crops, job.methods))


def _of_objects(judged: Judged, crops: Mapping[str, Crops]) -> list[Contrast]:
    """Return rows of object crops whose control has scene crops."""
    of_row = _crops_of_rows(judged, crops)
    return [one for one in judged.contrasts if (of_row[one.row], of_row[one.control]) == ("objects", "scene")]


def _crops_of_rows(judged: Judged, crops: Mapping[str, Crops]) -> dict[str, Crops | None]:
    cells = measured_cells(judged.table, judged.column)
    return {label: crops.get(cell["run"]) for label, cell in cells.items()}


def _random_boxes(judged: Judged, job: ReportJob) -> Iterator[Contrast]:
    """Yield object crops minus boxes that nothing was searched for, of the same method."""
    cells, of_row = measured_cells(judged.table, judged.column), _crops_of_rows(judged, job.crops)
    method = {label: job.methods.get(cell["run"]) for label, cell in cells.items()}
    for row in (label for label, crops in of_row.items() if crops == "objects"):
        for control in (label for label, crops in of_row.items() if crops in NOT_SEARCHED):
            if method[row] == method[control]:
                yield contrast(row, control, cells)


def _also_of_boxes(objects: Sequence[Contrast], boxes: Sequence[Contrast]) -> str:
    """Return what a gain over scene crops is not, where boxes at random places gain as well: one of the objects."""
    if boxes and any(one.verdict == "above" for one in objects) and all(one.verdict != "above" for one in boxes):
        return " It cannot be set apart from the gain of boxes at random places."
    return ""


def _has_learned(judged: Judged, job: ReportJob) -> Iterator[str]:
    """Yield whether scene crops, and the best row of object crops, taught anything: else crops have nothing to steer."""
    of_row, cells = _crops_of_rows(judged, job.crops), measured_cells(judged.table, judged.column)
    untrained = next((label for label, crops in of_row.items() if crops == "untrained"), None)
    scene = next((label for label, crops in of_row.items() if crops == "scene"), None)
    if untrained is None or scene is None:
        return
    objects = [contrast(label, untrained, cells) for label, crops in of_row.items() if crops == "objects"]
    found = [contrast(scene, untrained, cells), max(objects, key=lambda one: one.value)]
    yield from (in_words(one, judged.digits) for one in found)
    if all(one.verdict != "above" for one in found):
        yield NOTHING_LEARNED


def _sentences(contrasts: Sequence[Contrast], digits: int) -> Iterator[str]:
    return (in_words(one, digits) for one in contrasts)


def _headline(contrasts: Sequence[Contrast]) -> str:
    apart, number = sum(one.verdict in ("above", "below") for one in contrasts), len(contrasts)
    if number == 1:
        differs = "differs" if apart else "does not differ"
        return f"{contrasts[0].row} {differs} from {contrasts[0].control} by more than the interval."
    return f"{apart} of {number} rows differ by more than the interval from the row that they are compared with."


def _elsewhere(judged: Judged) -> str:
    same = [one.row for one in judged.contrasts if one.verdict not in ("above", "below")]
    rest = f" Not so: {', '.join(same)}." if same and len(judged.contrasts) > 1 else ""
    return f"{judged.table['title']}: {_headline(judged.contrasts)}{rest}"


def _known(intervals: Sequence[tuple[tuple[float, float] | None, str]]) -> Iterator[tuple[tuple[float, float], str]]:
    return ((ends, over) for ends, over in intervals if ends is not None)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
